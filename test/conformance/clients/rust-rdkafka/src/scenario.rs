//! Reports the steps of a conformance program, one JSON line each, and asks the runner for what
//! only the runner can do. See the README of the folder above.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, io, panic, thread};

use serde_json::json;

const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a step did not pass.
pub enum Stopped {
    Failed(String),
    NotOfferedByBroker(String),
}

pub type Step = Result<(), Stopped>;

impl<E: std::error::Error> From<E> for Stopped {
    fn from(error: E) -> Self {
        Stopped::Failed(error.to_string())
    }
}

pub fn failed<T>(detail: impl Into<String>) -> Result<T, Stopped> {
    Err(Stopped::Failed(detail.into()))
}

/// Ends a step as not offered when the broker lacks one of the APIs in its ApiVersions.
pub fn needs(apis: &[&str]) -> Step {
    let offered = env::var("CONFORMANCE_OFFERED").unwrap_or_default();
    let offered: HashSet<&str> = offered.split(',').collect();
    match apis.iter().find(|api| !offered.contains(**api)) {
        None => Ok(()),
        Some(api) => Err(Stopped::NotOfferedByBroker(format!("the broker does not offer {api}"))),
    }
}

/// Does one step and reports how it went. A step that panics or hangs has failed.
pub fn step(name: &str, act: impl FnOnce() -> Step + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(act));
        let _ = sender.send(outcome.unwrap_or_else(|_| failed("it panicked")));
    });
    let outcome = receiver
        .recv_timeout(STEP_TIMEOUT + Duration::from_secs(5))
        .unwrap_or_else(|_| failed("it hangs"));
    println!(
        "{}",
        match outcome {
            Ok(()) => json!({"step": name, "result": "passed"}),
            Err(Stopped::Failed(detail)) =>
                json!({"step": name, "result": "failed", "detail": detail}),
            Err(Stopped::NotOfferedByBroker(detail)) =>
                json!({"step": name, "result": "not-offered", "by": "broker", "detail": detail}),
        }
    );
}

/// Has the broker killed (SIGKILL) and started again, and waits until it is ready.
pub fn kill_and_restart() -> Step {
    println!("{}", json!({"ask": "kill-restart"}));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    expect("the runner's answer", "restarted", answer.trim())
}

/// Produces one value after the other, while the broker is killed and started again. Returns the
/// acknowledged values.
pub fn produce_through_kill(
    produce: impl Fn(&str) -> Step + Send + 'static,
) -> Result<Vec<String>, Stopped> {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let worker = {
        let (acknowledged, stop) = (acknowledged.clone(), stop.clone());
        thread::spawn(move || -> Step {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let value = format!("value-{number}");
                produce(&value)?;
                acknowledged.lock().unwrap().push(value);
                number += 1;
            }
            Ok(())
        })
    };
    let more = || {
        let wanted = acknowledged.lock().unwrap().len() + 50;
        until(&format!("{wanted} acknowledged"), || {
            Ok(worker.is_finished() || acknowledged.lock().unwrap().len() >= wanted)
        })
    };
    let outcome = more().and_then(|()| kill_and_restart()).and_then(|()| more());
    stop.store(true, Ordering::Relaxed);
    worker.join().unwrap_or_else(|_| failed("the producing thread panicked"))?;
    outcome?;
    let acknowledged = acknowledged.lock().unwrap().clone();
    Ok(acknowledged)
}

/// A record's key and value; None is null.
pub type Record = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Different records; their values have something in them to compress.
pub fn records(count: usize) -> Vec<Record> {
    (0..count)
        .map(|i| {
            let value = format!("value-{i}-{}", "all work and no play ".repeat(i % 20));
            (Some(format!("key-{i}").into_bytes()), Some(value.into_bytes()))
        })
        .collect()
}

pub fn expect<T: PartialEq<U> + Debug, U: Debug>(what: &str, expected: T, actual: U) -> Step {
    if expected == actual {
        return Ok(());
    }
    failed(format!("{what}: expected {expected:.200?}, got {actual:.200?}"))
}

pub fn expect_same(sent: &[Record], read: &[Record]) -> Step {
    expect("records", sent.len(), read.len())?;
    for (index, (one, other)) in sent.iter().zip(read).enumerate() {
        expect(&format!("record {index}"), one, other)?;
    }
    Ok(())
}

/// The outcome is an error whose text contains `text`.
pub fn expect_error<T>(what: &str, text: &str, outcome: Result<T, Stopped>) -> Step {
    match outcome {
        Err(Stopped::Failed(detail)) if detail.contains(text) => Ok(()),
        Err(Stopped::Failed(detail)) => failed(format!("{what}: expected {text}, got {detail}")),
        Err(other) => Err(other),
        Ok(_) => failed(format!("{what}: expected {text}, but there was no error")),
    }
}

/// Looks again and again until the condition holds or the step's time is over.
pub fn until(what: &str, mut condition: impl FnMut() -> Result<bool, Stopped>) -> Step {
    let deadline = Instant::now() + STEP_TIMEOUT - Duration::from_secs(5);
    while !condition()? {
        if Instant::now() > deadline {
            return failed(format!("not in time: {what}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
