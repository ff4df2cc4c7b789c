package peer;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.Filter;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/**
 * RocksDB as the documentation of Kafka Streams advises for many partitions in one process: one block cache and
 * one budget of write buffers for all stores, instead of 50 MB and three buffers each. Compaction stays
 * universal, and the write-ahead log stays off: both are what Kafka Streams chooses.
 */
public final class RocksSettings implements RocksDBConfigSetter {
    private static final long CACHE_BYTES = 256L << 20;
    private static final long BUFFER_BYTES = 128L << 20;
    private static final long BLOCK_BYTES = 4096;
    private static final Cache CACHE = new LRUCache(CACHE_BYTES);
    private static final WriteBufferManager BUFFERS = new WriteBufferManager(BUFFER_BYTES, CACHE);
    /** A look-up of a key that is not there then costs no read. */
    private static final Filter BLOOM = new BloomFilter(10);

    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(CACHE);
        table.setBlockSize(BLOCK_BYTES);
        table.setFilterPolicy(BLOOM);
        table.setCacheIndexAndFilterBlocks(true);
        table.setCacheIndexAndFilterBlocksWithHighPriority(true);
        table.setPinTopLevelIndexAndFilter(true);
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(BUFFERS);
        options.setCompressionType(CompressionType.LZ4_COMPRESSION);
    }

    @Override
    public void close(String store, Options options) {
        // Cache, budget and filter belong to all stores of the process.
    }
}
