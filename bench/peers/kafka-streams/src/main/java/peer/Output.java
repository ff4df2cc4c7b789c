package peer;

import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.StreamPartitioner;

/** A value on its way out, and the partition of its SKU, which is the task's own. */
record Output(byte[] value, Optional<Set<Integer>> partition) {
    static Serializer<Output> serializer() {
        return (topic, output) -> output.value;
    }

    /** Outputs stay on the partition of their SKU, whatever their key. */
    static StreamPartitioner<byte[], Output> partitioner() {
        return (topic, key, output, partitions) -> output.partition;
    }
}
