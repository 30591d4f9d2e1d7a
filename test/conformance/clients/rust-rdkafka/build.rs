//! Tells the program which version of the crate it is built with.

fn main() {
    let lock = std::fs::read_to_string("Cargo.lock").expect("Cargo.lock");
    let (_, after) =
        lock.split_once("name = \"rdkafka\"\nversion = \"").expect("rdkafka in Cargo.lock");
    let (version, _) = after.split_once('"').expect("a version");
    println!("cargo:rustc-env=RDKAFKA_VERSION={version}");
    println!("cargo:rerun-if-changed=Cargo.lock");
}
