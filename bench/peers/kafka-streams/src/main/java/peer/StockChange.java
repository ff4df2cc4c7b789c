package peer;

import java.nio.charset.StandardCharsets;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;

/** One stock change as the fold takes it: one object for a task, filled again for every record. */
final class StockChange {
    long at;
    String type;
    boolean hasQuantity;
    long quantity;
    /** Hashes of the ids, 0 where there is none. */
    long order;
    long po;
    long expectedAt;
    Long book;
    long counted;
    long onHand;
    private byte[] key = new byte[0];

    void fill(GenericRecord event) {
        GenericRecord change = (GenericRecord) event.get(EventReader.CHANGE);
        at = (Long) event.get(EventReader.OCCURRED_AT);
        type = change.get(EventReader.TYPE).toString();
        Long moved = (Long) change.get(EventReader.QUANTITY);
        hasQuantity = moved != null;
        quantity = hasQuantity ? moved : 0;
        order = hash((Utf8) change.get(EventReader.ORDER_ID));
        po = hash((Utf8) change.get(EventReader.PO_ID));
        expectedAt = orElse((Long) change.get(EventReader.EXPECTED_AT), Position.Order.NO_DATE);
        book = (Long) change.get(EventReader.BOOK);
        counted = orElse((Long) change.get(EventReader.COUNTED), 0);
        onHand = orElse((Long) change.get(EventReader.ON_HAND), 0);
        key = key((Utf8) event.get(EventReader.SKU), (Utf8) event.get(EventReader.LOCATION));
    }

    /** Of the state: SKU and location. A new array, for the store keeps it. */
    byte[] key() {
        return key;
    }

    private static byte[] key(Utf8 sku, Utf8 location) {
        int split = sku.getByteLength();
        byte[] key = new byte[split + 1 + location.getByteLength()];
        System.arraycopy(sku.getBytes(), 0, key, 0, split);
        key[split] = '|';
        System.arraycopy(location.getBytes(), 0, key, split + 1, location.getByteLength());
        return key;
    }

    /** A state key's two parts. */
    static String[] split(byte[] key) {
        String text = new String(key, StandardCharsets.UTF_8);
        int at = text.indexOf('|');
        return new String[] {text.substring(0, at), text.substring(at + 1)};
    }

    private static long orElse(Long value, long other) {
        return value == null ? other : value;
    }

    /** FNV-1a (Fowler, Noll, Vo 1991): an id in eight bytes of state instead of its text. */
    private static long hash(Utf8 id) {
        if (id == null) {
            return 0;
        }
        long hash = 0xcbf29ce484222325L;
        byte[] bytes = id.getBytes();
        for (int i = 0; i < id.getByteLength(); i++) {
            hash = (hash ^ (bytes[i] & 0xff)) * 0x100000001b3L;
        }
        return hash == 0 ? 1 : hash;
    }
}
