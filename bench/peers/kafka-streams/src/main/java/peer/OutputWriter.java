package peer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageEncoder;

/**
 * Writes alerts and positions with the product's schemas, in single-object encoding. What the job has no
 * figure for (velocities, messages in Chinese) is zero, null or empty. One for each task.
 */
final class OutputWriter {
    private static final double UNIT = 1000.0;

    private final LowStock rule;
    private final BinaryMessageEncoder<GenericRecord> alertEncoder;
    private final BinaryMessageEncoder<GenericRecord> positionEncoder;
    private final GenericRecord alert;
    private final GenericRecord position;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    private final Schema evidence;
    private final Object opened;
    private final Object resolved;

    OutputWriter(Path schemas, LowStock rule) throws IOException {
        this.rule = rule;
        Schema alertSchema = new Schema.Parser().parse(schemas.resolve("alert.avsc").toFile());
        Schema positionSchema = new Schema.Parser().parse(schemas.resolve("position.avsc").toFile());
        GenericData model = new GenericData();
        alertEncoder = new BinaryMessageEncoder<>(model, alertSchema);
        positionEncoder = new BinaryMessageEncoder<>(model, positionSchema);
        evidence = alertSchema.getField("evidence").schema().getElementType();
        Schema state = alertSchema.getField("state").schema();
        opened = new GenericData.EnumSymbol(state, "opened");
        resolved = new GenericData.EnumSymbol(state, "resolved");
        alert = emptyAlert(alertSchema);
        position = emptyPosition(positionSchema);
    }

    /** What is the same in every alert. */
    private static GenericRecord emptyAlert(Schema schema) {
        GenericRecord alert = new GenericData.Record(schema);
        alert.put("kind", new GenericData.EnumSymbol(schema.getField("kind").schema(), "low_stock"));
        alert.put("severity", new GenericData.EnumSymbol(schema.getField("severity").schema(), "low"));
        alert.put("mode", new GenericData.EnumSymbol(schema.getField("mode").schema(), "active"));
        GenericRecord rule = new GenericData.Record(schema.getField("rule").schema());
        rule.put("document", "peers");
        rule.put("version", 1);
        rule.put("rule", "low-stock");
        alert.put("rule", rule);
        GenericRecord message = new GenericData.Record(schema.getField("message").schema());
        message.put("zh_cn", "");
        alert.put("message", message);
        return alert;
    }

    private static GenericRecord emptyPosition(Schema schema) {
        GenericRecord position = new GenericData.Record(schema);
        position.put("velocity_per_day", 0.0);
        position.put("sold_7d_thousandths", 0L);
        position.put("idle_days", 0);
        position.put("no_sale_probability_30d", 0.0);
        position.put("threshold_method", "fixed");
        return position;
    }

    /** The key of the last alert. */
    byte[] alertKey() {
        return alert.get("alert_id").toString().getBytes(StandardCharsets.UTF_8);
    }

    byte[] alert(byte[] key, Position p, LowStock.Verdict verdict) {
        String[] parts = StockChange.split(key);
        String id = alertId(key, p);
        alert.put("alert_id", id);
        alert.put("revision", (long) p.alertRevision);
        alert.put("episode_id", id);
        alert.put("state", verdict == LowStock.Verdict.OPENED ? opened : resolved);
        alert.put("sku", parts[0]);
        alert.put("location", parts[1]);
        alert.put("occurred_at", p.at);
        alert.put("detected_at", p.at);
        alert.put("opened_at", p.alertOpenedAt);
        double held = p.inventoryPosition(p.at) / UNIT;
        double reorderPoint = rule.reorderPoint() / UNIT;
        alert.put("evidence", List.of(
            figure("reorder_point", reorderPoint),
            figure("on_hand", p.onHand / UNIT),
            figure("reserved", p.reserved() / UNIT),
            figure("on_order", p.onOrder() / UNIT),
            figure("inventory_position", held),
            figure("resolves_above", rule.resolvesAbove() / UNIT)));
        ((GenericRecord) alert.get("message")).put("en",
            parts[0] + " at " + parts[1] + ": " + held + " with what is on order, reorder point " + reorderPoint);
        return encode(alertEncoder, alert);
    }

    byte[] position(byte[] key, Position p) {
        String[] parts = StockChange.split(key);
        long reserved = p.reserved();
        position.put("sku", parts[0]);
        position.put("location", parts[1]);
        position.put("at", p.at);
        position.put("on_hand_thousandths", p.known ? p.onHand : null);
        position.put("reserved_thousandths", reserved);
        position.put("available_thousandths", p.known ? p.onHand - reserved : null);
        position.put("on_order_thousandths", p.onOrder());
        position.put("reorder_point", rule.reorderPoint() / UNIT);
        position.put("suspect", p.suspect);
        position.put("open_alerts", p.alertOpen ? List.of(alertId(key, p)) : List.of());
        return encode(positionEncoder, position);
    }

    private GenericRecord figure(String name, double value) {
        GenericRecord figure = new GenericData.Record(evidence);
        figure.put("name", name);
        figure.put("value", value);
        return figure;
    }

    /** The same problem has the same id on every run. */
    private static String alertId(byte[] key, Position p) {
        String name = new String(key, StandardCharsets.UTF_8) + '|' + p.alertOpenedAt / 1000;
        return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8)).toString();
    }

    private byte[] encode(BinaryMessageEncoder<GenericRecord> encoder, GenericRecord record) {
        bytes.reset();
        try {
            encoder.encode(record, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot encode " + record, e);
        }
        return bytes.toByteArray();
    }
}
