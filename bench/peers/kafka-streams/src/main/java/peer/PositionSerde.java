package peer;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** A position as its row: some twenty bytes for one without orders. Safe for threads: it has no state. */
final class PositionSerde implements Serde<Position> {
    private static final int KNOWN = 1;
    private static final int SUSPECT = 2;
    private static final int OPEN = 4;
    private static final int ALERTED = 8;
    private static final int ORDERS = 16;
    private static final int RESERVATIONS = 32;
    private static final int LONGEST = 10;

    @Override
    public Serializer<Position> serializer() {
        return (topic, position) -> position == null ? null : encode(position);
    }

    @Override
    public Deserializer<Position> deserializer() {
        return (topic, row) -> row == null ? null : decode(row);
    }

    private static byte[] encode(Position p) {
        int lists = (p.orders == null ? 0 : p.orders.size()) + (p.reservations == null ? 0 : p.reservations.size());
        ByteBuffer out = ByteBuffer.allocate(1 + LONGEST * (6 + 4 * lists));
        out.put((byte) flags(p));
        put(out, p.onHand);
        put(out, p.at);
        if (p.alertRevision > 0) {
            put(out, p.alertRevision);
            put(out, p.alertOpenedAt);
        }
        if (p.orders != null) {
            put(out, p.orders.size());
            for (Position.Order order : p.orders) {
                out.putLong(order.po);
                put(out, order.open);
                put(out, order.orderedAt);
                put(out, order.expectedAt);
            }
        }
        if (p.reservations != null) {
            put(out, p.reservations.size());
            for (Position.Reservation held : p.reservations) {
                out.putLong(held.order);
                put(out, held.quantity);
            }
        }
        byte[] row = new byte[out.position()];
        out.flip().get(row);
        return row;
    }

    private static int flags(Position p) {
        return (p.known ? KNOWN : 0) | (p.suspect ? SUSPECT : 0) | (p.alertOpen ? OPEN : 0) | (p.alertRevision > 0 ? ALERTED : 0)
            | (p.orders == null ? 0 : ORDERS) | (p.reservations == null ? 0 : RESERVATIONS);
    }

    private static Position decode(byte[] row) {
        ByteBuffer in = ByteBuffer.wrap(row);
        Position p = new Position();
        int flags = in.get();
        p.known = (flags & KNOWN) != 0;
        p.suspect = (flags & SUSPECT) != 0;
        p.alertOpen = (flags & OPEN) != 0;
        p.onHand = get(in);
        p.at = get(in);
        if ((flags & ALERTED) != 0) {
            p.alertRevision = (int) get(in);
            p.alertOpenedAt = get(in);
        }
        if ((flags & ORDERS) != 0) {
            int count = (int) get(in);
            p.orders = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                p.orders.add(new Position.Order(in.getLong(), get(in), get(in), get(in)));
            }
        }
        if ((flags & RESERVATIONS) != 0) {
            int count = (int) get(in);
            p.reservations = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                p.reservations.add(new Position.Reservation(in.getLong(), get(in)));
            }
        }
        return p;
    }

    /** Zigzag, seven bits a byte. */
    private static void put(ByteBuffer out, long value) {
        long rest = (value << 1) ^ (value >> 63);
        while ((rest & ~0x7fL) != 0) {
            out.put((byte) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        out.put((byte) rest);
    }

    private static long get(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = in.get();
            value |= (long) (next & 0x7f) << shift;
            if (next >= 0) {
                return (value >>> 1) ^ -(value & 1);
            }
        }
    }
}
