package peer;

import java.util.ArrayList;
import java.util.List;

/**
 * The position of one SKU at one location: the fold of its stock changes, and how its alert stands.
 *
 * <p>Integer thousandths, as in rules/src/position. Lots are left out: no decision of this job looks
 * at them. It must never know Kafka.
 */
final class Position {
    /** What is held for a customer's order. */
    static final class Reservation {
        final long order;
        long quantity;

        Reservation(long order, long quantity) {
            this.order = order;
            this.quantity = quantity;
        }
    }

    /** The open rest of a purchase order. */
    static final class Order {
        static final long NO_DATE = Long.MIN_VALUE;

        final long po;
        long open;
        final long orderedAt;
        long expectedAt;

        Order(long po, long open, long orderedAt, long expectedAt) {
            this.po = po;
            this.open = open;
            this.orderedAt = orderedAt;
            this.expectedAt = expectedAt;
        }

        /** All of it until it is due, then linearly less, nothing after one further lead time of its own. */
        long weighted(long at) {
            long span = expectedAt - orderedAt;
            if (expectedAt == NO_DATE || span <= 0) {
                return open;
            }
            long left = Math.max(span - Math.max(at - expectedAt, 0), 0);
            return left == span ? open : (long) ((double) open * left / span);
        }
    }

    boolean known;
    boolean suspect;
    long onHand;
    /** Event time of the last change. */
    long at;
    boolean alertOpen;
    /** 0: there never was an alert. */
    int alertRevision;
    long alertOpenedAt;
    /** Most positions have none of either: null then. */
    List<Reservation> reservations;
    List<Order> orders;

    void fold(StockChange change) {
        at = change.at;
        long quantity = change.quantity;
        switch (change.type) {
            case "sold" -> {
                move(-quantity);
                if (quantity > 0 && change.order != 0) {
                    release(change.order, quantity);
                }
            }
            case "sale_cancelled", "returned", "transferred_in", "adjusted" -> move(quantity);
            case "received", "lot_received" -> {
                move(quantity);
                receive(change.po, quantity);
            }
            case "transferred_out", "scrapped" -> move(-quantity);
            case "counted" -> set(known && change.book != null ? onHand + change.counted - change.book : change.counted);
            case "balance_observed" -> set(change.onHand);
            case "reserved" -> reserve(change.order, quantity);
            case "released" -> release(change.order, quantity);
            case "ordered" -> order(change);
            case "order_cancelled" -> cancel(change.po, change.hasQuantity ? quantity : Long.MAX_VALUE);
            default -> { }
        }
    }

    private void move(long quantity) {
        if (known) {
            onHand += quantity;
            suspect |= onHand < 0;
        }
    }

    private void set(long counted) {
        onHand = counted;
        known = true;
        suspect = counted < 0;
    }

    private void reserve(long order, long quantity) {
        if (quantity <= 0) {
            return;
        }
        if (reservations == null) {
            reservations = new ArrayList<>(2);
        }
        for (Reservation held : reservations) {
            if (held.order == order) {
                held.quantity += quantity;
                return;
            }
        }
        reservations.add(new Reservation(order, quantity));
    }

    private void release(long order, long quantity) {
        if (reservations == null) {
            return;
        }
        for (Reservation held : reservations) {
            if (held.order == order) {
                held.quantity -= Math.min(quantity, held.quantity);
            }
        }
        reservations.removeIf(held -> held.quantity <= 0);
        if (reservations.isEmpty()) {
            reservations = null;
        }
    }

    private void order(StockChange change) {
        if (change.quantity <= 0) {
            return;
        }
        if (orders == null) {
            orders = new ArrayList<>(2);
        }
        for (Order order : orders) {
            if (order.po == change.po) {
                order.open += change.quantity;
                order.expectedAt = change.expectedAt == Order.NO_DATE ? order.expectedAt : change.expectedAt;
                return;
            }
        }
        orders.add(new Order(change.po, change.quantity, change.at, change.expectedAt));
    }

    private void receive(long po, long quantity) {
        cancel(po, quantity);
    }

    private void cancel(long po, long quantity) {
        if (orders == null || po == 0) {
            return;
        }
        for (Order order : orders) {
            if (order.po == po) {
                order.open -= Math.min(quantity, order.open);
            }
        }
        orders.removeIf(order -> order.open <= 0);
        if (orders.isEmpty()) {
            orders = null;
        }
    }

    long reserved() {
        long sum = 0;
        for (int i = 0; reservations != null && i < reservations.size(); i++) {
            sum += reservations.get(i).quantity;
        }
        return sum;
    }

    long onOrder() {
        long sum = 0;
        for (int i = 0; orders != null && i < orders.size(); i++) {
            sum += orders.get(i).open;
        }
        return sum;
    }

    /** Available + on order, overdue orders discounted. Means nothing while on hand is not known. */
    long inventoryPosition(long now) {
        long sum = onHand - reserved();
        for (int i = 0; orders != null && i < orders.size(); i++) {
            sum += orders.get(i).weighted(now);
        }
        return sum;
    }
}
