package peer;

import java.nio.file.Path;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.streams.StreamsConfig;

/** What the harness says by environment variables, and how Kafka Streams is tuned. docs/performance.md repeats why. */
record Settings(String bootstrap, String application, String input, String alerts, String positions, Path state, Path schemas,
        int threads, int commitMs, String admin, LowStock rule) {

    static Settings fromEnvironment() {
        return new Settings(need("PEER_BOOTSTRAP"), need("PEER_APPLICATION"), need("PEER_INPUT"), need("PEER_ALERTS"),
            need("PEER_POSITIONS"), Path.of(need("PEER_STATE")), Path.of(need("PEER_SCHEMAS")),
            Integer.parseInt(need("PEER_THREADS")), Integer.parseInt(need("PEER_COMMIT_MS")), need("QM_ADMIN__LISTEN"),
            LowStock.of(Long.parseLong(need("PEER_REORDER_POINT_THOUSANDTHS")), Double.parseDouble(need("PEER_HYSTERESIS"))));
    }

    private static String need(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException(name + " is not set: `make bench-peers` sets it");
        }
        return value;
    }

    Properties streams() {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        p.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
        // 100 ms is what exactly-once defaults to. Shorter: alerts earlier, but more transactions and a cache that merges less.
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitMs);
        // Instead of 10 MB: all the hot keys of a Zipf-skewed million stay decodable without RocksDB.
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, RocksSettings.class);
        // Nobody reads them; registering them per client and task costs time.
        p.put(StreamsConfig.METRICS_RECORDING_LEVEL_CONFIG, "INFO");
        p.put(StreamsConfig.ENABLE_METRICS_PUSH_CONFIG, false);
        // There is no global store: this only ends a warning.
        p.put("processing.exception.handler.global.enabled", true);
        p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 4000);
        consumers(p);
        producers(p);
        return p;
    }

    private void consumers(Properties p) {
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        // Larger polls: less to do for each of them. 2000 is what `process` takes.
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 2000);
        // As `process` in this benchmark: an instance that comes back within the session keeps its tasks.
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), application + "-0");
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 2000);
        // A restore reads everything there is: in large pieces.
        p.put(StreamsConfig.restoreConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        p.put(StreamsConfig.restoreConsumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
    }

    private void producers(Properties p) {
        // A commit flushes whatever lingers; until then larger batches are cheaper for client and broker.
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
        // As `process`: no compression on one machine, where CPU time is dearer than bytes.
        p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "none");
        p.put(StreamsConfig.producerPrefix(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG), 10_000);
        // Of the changelog: what the changelog of `process` has.
        p.put(StreamsConfig.topicPrefix(TopicConfig.CLEANUP_POLICY_CONFIG), TopicConfig.CLEANUP_POLICY_COMPACT);
    }
}
