package peer;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/** Runs the job until SIGTERM. `/readyz` answers 200 once every task runs. */
public final class Main {
    private static final String SOURCE = "events";
    private static final String PROCESSOR = "stock";
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(60);

    private Main() { }

    public static void main(String[] arguments) throws IOException {
        Settings settings = Settings.fromEnvironment();
        KafkaStreams streams = new KafkaStreams(topology(settings), new StreamsConfig(settings.streams()));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            // Half a job must not be measured.
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        serve(settings.admin(), streams);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            boolean closed = streams.close(CloseOptions.timeout(CLOSE_WITHIN).withGroupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP));
            // After SIGTERM the JVM would end with 143, well or not.
            Runtime.getRuntime().halt(closed ? 0 : 1);
        }));
        streams.start();
    }

    private static Topology topology(Settings settings) {
        var store = Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(StockProcessor.STORE), Serdes.ByteArray(), new PositionSerde()).withCachingEnabled();
        Topology topology = new Topology();
        topology.addSource(SOURCE, new ByteArrayDeserializer(), new ByteArrayDeserializer(), settings.input());
        topology.addProcessor(PROCESSOR, () -> new StockProcessor(settings), SOURCE);
        topology.addStateStore(store, PROCESSOR);
        topology.addSink(StockProcessor.ALERTS, settings.alerts(), new ByteArraySerializer(), Output.serializer(),
            Output.partitioner(), PROCESSOR);
        topology.addSink(StockProcessor.POSITIONS, settings.positions(), new ByteArraySerializer(), Output.serializer(),
            Output.partitioner(), PROCESSOR);
        return topology;
    }

    private static void serve(String listen, KafkaStreams streams) throws IOException {
        int colon = listen.lastIndexOf(':');
        var address = new InetSocketAddress(listen.substring(0, colon), Integer.parseInt(listen.substring(colon + 1)));
        HttpServer server = HttpServer.create(address, 0);
        server.createContext("/readyz", exchange -> {
            exchange.sendResponseHeaders(streams.state() == KafkaStreams.State.RUNNING ? 200 : 503, -1);
            exchange.close();
        });
        server.start();
    }
}
