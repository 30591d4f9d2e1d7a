import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Fills the topics `recorded` and `compacted` of a fresh cluster: bootstrap servers. */
public class RecordedLog {
    public static void main(String[] arguments) throws Exception {
        String servers = arguments[0];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) servers))) {
            NewTopic compacted = new NewTopic("compacted", 1, (short) 1).configs(Map.of(
                "cleanup.policy", "compact",
                "segment.ms", "300",
                "min.cleanable.dirty.ratio", "0.01",
                "delete.retention.ms", "1"));
            admin.createTopics(List.of(new NewTopic("recorded", 1, (short) 1), compacted)).all().get();
        }
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (KafkaProducer<String, String> producer = producer(servers, codec, Map.of())) {
                for (int index = 0; index < 3; index++) {
                    ProducerRecord<String, String> sent =
                        new ProducerRecord<>("recorded", codec + " " + index, "value " + index);
                    sent.headers().add("codec", codec.getBytes());
                    producer.send(sent);
                }
            }
        }
        Map<String, String> transactional = Map.of("transactional.id", "recorded-transactions");
        try (KafkaProducer<String, String> producer = producer(servers, "none", transactional)) {
            producer.initTransactions();
            for (boolean commits : List.of(true, false, true)) {
                producer.beginTransaction();
                for (int index = 0; index < 2; index++)
                    producer.send(new ProducerRecord<>("recorded", "commits " + commits, "value " + index));
                producer.flush();
                if (commits) producer.commitTransaction();
                else producer.abortTransaction();
            }
        }
        Map<String, String> plain = Map.of("enable.idempotence", "false");
        try (KafkaProducer<String, String> producer = producer(servers, "lz4", plain)) {
            for (int round = 0; round < 4; round++) {
                for (int index = 0; index < 5; index++) {
                    String value = round == 1 && index == 4 ? null : "round " + round;
                    producer.send(new ProducerRecord<>("compacted", "key " + (index + round), value)).get();
                }
                Thread.sleep(600);
            }
        }
    }

    private static KafkaProducer<String, String> producer(
            String servers, String codec, Map<String, String> others) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", servers);
        configs.put("compression.type", codec);
        configs.put("linger.ms", "300");
        configs.put("key.serializer", StringSerializer.class.getName());
        configs.put("value.serializer", StringSerializer.class.getName());
        configs.putAll(others);
        return new KafkaProducer<>(configs);
    }
}
