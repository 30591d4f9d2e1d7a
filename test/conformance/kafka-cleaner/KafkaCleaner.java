import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.util.Scheduler;
import org.apache.kafka.storage.internals.log.Cleaner;
import org.apache.kafka.storage.internals.log.LogCleanerManager;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.LogToClean;
import org.apache.kafka.storage.internals.log.PreCleanStats;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.SkimpyOffsetMap;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.internals.utils.Throttler;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

/**
 * Does with the segments of one partition what a broker of Apache Kafka would do at a given moment:
 * reads a request from each line of its input, as JSON, and answers each with a line. The folder of
 * a request holds `.log` files only, so Kafka takes it for one that was not shut down: it checks
 * every batch and makes the indexes, the aborted transactions and the producers from them.
 */
public class KafkaCleaner {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err);
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = requests.readLine()) != null; ) {
            ObjectNode answer = JSON.createObjectNode();
            try {
                answer(JSON.readTree(line), answer);
            } catch (Throwable error) {
                error.printStackTrace();
                answer.put("error", error.toString());
            }
            answers.println(answer);
        }
    }

    private static void answer(JsonNode request, ObjectNode answer) throws Exception {
        File folder = new File(request.get("folder").asText());
        String action = request.get("action").asText();
        if (!action.equals("describe")) {
            Clock clock = new Clock(request.get("wallMs").asLong());
            Never scheduler = new Never();
            UnifiedLog log = open(folder, request, clock, scheduler);
            try {
                if (action.equals("clean")) clean(log, request, clock, answer);
                else log.deleteOldSegments();
                answer.put("logStartOffset", log.logStartOffset());
            } finally {
                log.close();
                scheduler.shutdown();
            }
        }
        describe(folder, answer.putArray("segments"));
    }

    private static UnifiedLog open(File folder, JsonNode request, Time clock, Scheduler scheduler)
            throws Exception {
        Properties configs = new Properties();
        request.get("configs").fields().forEachRemaining(
            each -> configs.put(each.getKey(), each.getValue().asText()));
        LogDirFailureChannel failures = new LogDirFailureChannel(1);
        UnifiedLog log = UnifiedLog.create(
            folder, LogConfig.fromProps(Map.of(), configs), request.get("logStartOffset").asLong(), 0L,
            scheduler, new BrokerTopicStats(), clock, Integer.MAX_VALUE,
            new ProducerStateManagerConfig(Integer.MAX_VALUE, false), Integer.MAX_VALUE, failures,
            false, Optional.empty());
        log.updateHighWatermark(log.logEndOffset());
        return log;
    }

    /** Says what `LogCleanerManager` makes of the log, and lets `Cleaner` do it, wanted or not. */
    private static void clean(UnifiedLog log, JsonNode request, Time clock, ObjectNode answer)
            throws Exception {
        TopicPartition partition = log.topicPartition();
        File directory = log.parentDirFile();
        long lastClean = request.get("lastFirstDirtyOffset").asLong();
        Optional<Long> checkpoint = lastClean < 0 ? Optional.empty() : Optional.of(lastClean);
        ConcurrentMap<TopicPartition, UnifiedLog> logs = new ConcurrentHashMap<>(Map.of(partition, log));
        LogCleanerManager manager =
            new LogCleanerManager(List.of(directory), logs, new LogDirFailureChannel(1));
        checkpoint.ifPresent(offset -> manager.updateCheckpoints(
            directory, Optional.of(Map.entry(partition, offset)), Optional.empty()));
        answer.put("isWanted", manager.grabFilthiestCompactedLog(clock, new PreCleanStats()).isPresent());
        manager.removeMetrics();

        Object range = hidden(
            LogCleanerManager.class, null, "cleanableOffsets", log, checkpoint, clock.milliseconds());
        long firstDirty = (long) hidden(range.getClass(), range, "firstDirtyOffset");
        long firstUncleanable = (long) hidden(range.getClass(), range, "firstUncleanableDirtyOffset");
        long delayMs = (long) hidden(
            LogCleanerManager.class, null, "maxCompactionDelay", log, firstDirty, clock.milliseconds());
        LogToClean cleanable = new LogToClean(log, firstDirty, firstUncleanable, delayMs > 0);
        answer.put("lastStableOffset", log.lastStableOffset());
        answer.put("firstDirtyOffset", firstDirty);
        answer.put("cleanableRatio", cleanable.totalBytes() == 0 ? 0 : cleanable.cleanableRatio());
        if (cleanable.firstUncleanableOffset() <= firstDirty) {
            answer.put("nextDirtyOffset", firstDirty);
            return;
        }
        Cleaner cleaner = new Cleaner(
            0, new SkimpyOffsetMap(request.get("dedupeBufferSize").asInt()), 64 * 1024, 64 * 1024,
            request.get("dedupeLoadFactor").asDouble(),
            new Throttler(Double.MAX_VALUE, Long.MAX_VALUE, "cleaner-io", "bytes", clock), clock,
            each -> { });
        answer.put("nextDirtyOffset", cleaner.doClean(cleanable, clock.milliseconds()).getKey());
    }

    /** Calls a method that only Kafka's own tests may call. */
    private static Object hidden(Class<?> of, Object on, String name, Object... arguments)
            throws Exception {
        Method method = Arrays.stream(of.getDeclaredMethods())
            .filter(each -> each.getName().equals(name)).findFirst().orElseThrow();
        method.setAccessible(true);
        try {
            return method.invoke(on, arguments);
        } catch (InvocationTargetException error) {
            throw (Exception) error.getCause();
        }
    }

    private static void describe(File folder, ArrayNode segments) throws Exception {
        String[] names = folder.list((unused, name) -> name.endsWith(".log"));
        Arrays.sort(names);
        for (String name : names) {
            ObjectNode segment = segments.addObject();
            segment.put("baseOffset", Long.parseLong(name.substring(0, name.length() - 4)));
            ArrayNode batches = segment.putArray("batches");
            try (FileRecords records = FileRecords.open(new File(folder, name), false)) {
                for (RecordBatch batch : records.batches()) describe(batch, batches.addObject());
            }
        }
    }

    private static void describe(RecordBatch batch, ObjectNode description) {
        batch.ensureValid();
        description.put("baseOffset", batch.baseOffset());
        description.put("lastOffset", batch.lastOffset());
        description.put("partitionLeaderEpoch", batch.partitionLeaderEpoch());
        description.put("compression", batch.compressionType().name);
        description.put("timestampType", batch.timestampType().name);
        description.put("maxTimestampMs", batch.maxTimestamp());
        description.put("producerId", batch.producerId());
        description.put("producerEpoch", batch.producerEpoch());
        description.put("baseSequence", batch.baseSequence());
        description.put("lastSequence", batch.lastSequence());
        description.put("isTransactional", batch.isTransactional());
        description.put("isControl", batch.isControlBatch());
        batch.deleteHorizonMs().ifPresent(ms -> description.put("deleteHorizonMs", ms));
        ArrayNode records = description.putArray("records");
        for (Record record : batch) {
            record.ensureValid();
            ArrayNode fields = records.addArray().add(record.offset()).add(record.timestamp());
            fields.add(text(record.key())).add(text(record.value()));
            for (Header header : record.headers()) {
                byte[] value = header.value();
                fields.add(header.key()).add(text(value == null ? null : ByteBuffer.wrap(value)));
            }
        }
    }

    private static String text(ByteBuffer bytes) {
        if (bytes == null) return null;
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return Base64.getEncoder().encodeToString(copy);
    }

    /** Stands still. */
    private record Clock(long nowMs) implements Time {
        @Override
        public long milliseconds() {
            return nowMs;
        }

        @Override
        public long nanoseconds() {
            return nowMs * 1_000_000L;
        }

        @Override
        public void sleep(long ms) { }

        @Override
        public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) { }
    }

    /** Does nothing of it: files that are no longer needed stay until the folder goes. */
    private static class Never implements Scheduler {
        private final ScheduledExecutorService idle = Executors.newSingleThreadScheduledExecutor();

        @Override
        public void startup() { }

        @Override
        public void shutdown() {
            idle.shutdownNow();
        }

        @Override
        public ScheduledFuture<?> schedule(String name, Runnable task, long delayMs, long periodMs) {
            return idle.schedule(() -> { }, 0, TimeUnit.MILLISECONDS);
        }

        @Override
        public void resizeThreadPool(int size) { }
    }
}
