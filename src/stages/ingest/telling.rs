//! How every partition of `inventory.events` learns what the sources have to tell.

use processor::operator::{Context, StateRow, Tick};
use schemas::Timestamp;

use super::input::Input;
use super::output::IngestOutput;
use super::sources::{News, Sources};

/// Writes what a source has to tell to every partition.
pub(super) fn tell_all<S: StateRow>(
    ctx: &mut Context<'_, S, IngestOutput>,
    input: &Input,
    news: impl IntoIterator<Item = News>,
    observed_at: Timestamp,
) {
    for news in news {
        IngestOutput::to_all(input, news, observed_at).for_each(|output| ctx.emit(output));
    }
}

/// Looks at the machine's clock: what waited to be told, and who has fallen silent.
pub(super) fn tick<S: StateRow>(
    ctx: &mut Context<'_, S, IngestOutput>,
    input: &Input,
    sources: &mut Sources,
    tick: Tick,
) {
    let news = sources.tick(input, tick);
    for news in &news {
        if let News::Silence { source, partition, last } = news {
            let last = last.map(Timestamp::exact);
            tracing::warn!(input = %input.name, source, partition, last, "the source is silent; time goes on without it");
        }
    }
    tell_all(ctx, input, news, tick.wall);
}
