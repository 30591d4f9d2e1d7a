import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends the lines of a file as one batch: bootstrap servers, topic, codec, file. */
public class RecordedProducer {
    public static void main(String[] arguments) throws Exception {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", arguments[0]);
        configs.put("compression.type", arguments[2]);
        configs.put("batch.size", "1000000");
        configs.put("linger.ms", "2000");
        configs.put("enable.idempotence", "false");
        configs.put("key.serializer", StringSerializer.class.getName());
        configs.put("value.serializer", StringSerializer.class.getName());
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(configs)) {
            for (String line : Files.readAllLines(Path.of(arguments[3])))
                producer.send(new ProducerRecord<>(arguments[1], line));
        }
    }
}
