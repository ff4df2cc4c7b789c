package peer;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageDecoder;

/**
 * Reads stock changes from `inventory.events`: Avro in single-object encoding.
 *
 * <p>The schema it reads with names only the fields that the job needs, so Avro skips the rest; record and
 * strings are used again. One for each task: it is not safe for threads.
 */
final class EventReader {
    static final int SKU = 0;
    static final int LOCATION = 1;
    static final int OCCURRED_AT = 2;
    static final int CHANGE = 3;
    static final int TYPE = 0;
    static final int QUANTITY = 1;
    static final int ORDER_ID = 2;
    static final int PO_ID = 3;
    static final int EXPECTED_AT = 4;
    static final int BOOK = 5;
    static final int COUNTED = 6;
    static final int ON_HAND = 7;

    private final BinaryMessageDecoder<GenericRecord> decoder;
    private final Schema event;
    /** Kept apart from the watermarks, so that those do not take its place. */
    private GenericRecord reused;

    EventReader(Path schemas) throws IOException {
        Schema wanted = wanted();
        event = wanted.getTypes().get(0);
        GenericData model = new GenericData();
        model.setFastReaderEnabled(true);
        decoder = new BinaryMessageDecoder<>(model, wanted);
        decoder.addSchema(new Schema.Parser().parse(schemas.resolve("events.avsc").toFile()));
    }

    private static Schema wanted() throws IOException {
        try (InputStream text = EventReader.class.getResourceAsStream("/event-reader.avsc")) {
            return new Schema.Parser().parse(text);
        }
    }

    /** False when the record is something else than a stock change. */
    boolean read(byte[] value, StockChange into) {
        try {
            GenericRecord record = decoder.decode(value, reused);
            if (record.getSchema() != event) {
                return false;
            }
            reused = record;
            into.fill(record);
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException("a record of inventory.events cannot be read", e);
        }
    }
}
