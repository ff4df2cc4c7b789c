package peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.streams.kstream.internals.Change;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorNode;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * Folds a stock change into its position, judges it, and forwards alerts at once.
 *
 * <p>A position is forwarded when the cache writes it to the store: once for every changed key and commit, as the
 * DSL does it for a table. The listener behind that is not public API; without it every event would put out a
 * position, which is more to write. The DSL itself cannot serve: state is kept by SKU and location while
 * partitions go by SKU, and it would send everything through another topic first.
 */
final class StockProcessor implements Processor<byte[], byte[], byte[], Output> {
    static final String STORE = "positions";
    static final String ALERTS = "alerts-out";
    static final String POSITIONS = "positions-out";

    private final Settings settings;
    private final StockChange change = new StockChange();
    private EventReader reader;
    private OutputWriter writer;
    private ProcessorContext<byte[], Output> context;
    private KeyValueStore<byte[], Position> store;
    private Optional<Set<Integer>> partition;

    StockProcessor(Settings settings) {
        this.settings = settings;
    }

    @Override
    public void init(ProcessorContext<byte[], Output> context) {
        this.context = context;
        partition = Optional.of(Set.of(context.taskId().partition()));
        store = context.getStateStore(STORE);
        try {
            reader = new EventReader(settings.schemas());
            writer = new OutputWriter(settings.schemas(), settings.rule());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the schemas in " + settings.schemas(), e);
        }
        listenToCache();
    }

    @SuppressWarnings("unchecked")
    private void listenToCache() {
        InternalProcessorContext<byte[], Output> internal = (InternalProcessorContext<byte[], Output>) context;
        ProcessorNode<?, ?, ?, ?> self = internal.currentNode();
        boolean cached = ((CachedStateStore<byte[], Position>) store).setFlushListener(record -> {
            ProcessorNode<?, ?, ?, ?> before = internal.currentNode();
            internal.setCurrentNode(self);
            try {
                forwardPosition(record);
            } finally {
                internal.setCurrentNode(before);
            }
        }, false);
        if (!cached) {
            throw new IllegalStateException("the store has no cache, so nobody would publish positions");
        }
    }

    private void forwardPosition(Record<byte[], Change<Position>> record) {
        byte[] value = writer.position(record.key(), record.value().newValue);
        context.forward(new Record<>(record.key(), new Output(value, partition), record.timestamp()), POSITIONS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        if (!reader.read(record.value(), change)) {
            return;
        }
        byte[] key = change.key();
        Position position = store.get(key);
        if (position == null) {
            position = new Position();
        }
        position.fold(change);
        LowStock.Verdict verdict = settings.rule().judge(position);
        store.put(key, position);
        if (verdict != LowStock.Verdict.NOTHING) {
            byte[] value = writer.alert(key, position, verdict);
            context.forward(new Record<>(writer.alertKey(), new Output(value, partition), record.timestamp()), ALERTS);
        }
    }
}
