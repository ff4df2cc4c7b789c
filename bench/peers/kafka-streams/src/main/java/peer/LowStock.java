package peer;

/**
 * The decision: a fixed `low_stock` rule with hysteresis (docs/rules.md), without wait and cool-down.
 * What it must never do is look at a clock.
 */
record LowStock(long reorderPoint, long resolvesAbove) {
    enum Verdict { OPENED, RESOLVED, NOTHING }

    static LowStock of(long reorderPointThousandths, double hysteresis) {
        return new LowStock(reorderPointThousandths, Math.round(reorderPointThousandths * (1 + hysteresis)));
    }

    /** Judges a position that was just folded, and notes in it how its alert stands. */
    Verdict judge(Position position) {
        if (!position.known) {
            return Verdict.NOTHING;
        }
        long held = position.inventoryPosition(position.at);
        if (!position.alertOpen && held <= reorderPoint) {
            open(position);
            return Verdict.OPENED;
        }
        // Contradictory figures are no proof that the problem is gone.
        if (position.alertOpen && held > resolvesAbove && !position.suspect) {
            position.alertOpen = false;
            position.alertRevision++;
            return Verdict.RESOLVED;
        }
        return Verdict.NOTHING;
    }

    /** Identities count in whole seconds: within the second of the alert before, that one is opened again. */
    private static void open(Position position) {
        boolean again = position.alertRevision > 0 && position.at / 1000 <= position.alertOpenedAt / 1000;
        if (!again) {
            position.alertOpenedAt = position.at;
            position.alertRevision = 0;
        }
        position.alertOpen = true;
        position.alertRevision++;
    }
}
