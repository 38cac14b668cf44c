//! A deterministic simulation (docs/SIMULATION.md): the real `Control` over the real store in memory, with the lab's cards
//! and phones, a simulated carrier between them, own time and own chance. One seed is one life, always the same.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod action;
mod carrier;
pub mod chance;
mod fence;
mod node;
mod people;
pub mod phones;
pub mod scenario;
mod stall;
pub mod trace;
mod truth;
mod world;

pub use scenario::Scenario;
use trace::Trace;

/// What a life came to.
pub struct Outcome {
    /// The rule that did not hold, in words; none when all was well.
    pub broken: Option<String>,
    /// The same for the same life.
    pub hash: u64,
    /// Lines of trace.
    pub lines: u64,
    /// The end of the trace, where it was kept.
    pub end: Vec<String>,
    /// How long it lasted in its own time, ms.
    pub lasted: i64,
    /// Things that happened.
    pub steps: u64,
}

/// How much of the trace is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Nothing.
    Nothing,
    /// Its end, in [`Outcome::end`].
    End,
    /// Every line on standard output as it comes.
    All,
}

/// Lives through a life.
pub fn live(scenario: &Scenario, show: Show) -> Outcome {
    let trace = Trace::new(show == Show::End, show == Show::All);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Outcome::failed(error.to_string()),
    };
    let mut world = match world::World::new(scenario, trace) {
        Ok(world) => world,
        Err(error) => return Outcome::failed(error),
    };
    let begun = world.time.now();
    let broken = runtime.block_on(world.live()).err();
    if let Some(broken) = &broken {
        world.note(format_args!("BROKEN: {broken}"));
    }
    Outcome {
        hash: world.trace.hash(),
        lines: world.trace.count(),
        end: world.trace.last(40).to_vec(),
        lasted: world.time.now() - begun,
        steps: world.steps,
        broken,
    }
}

impl Outcome {
    fn failed(why: String) -> Self {
        Self {
            broken: Some(why),
            hash: 0,
            lines: 0,
            end: Vec::new(),
            lasted: 0,
            steps: 0,
        }
    }
}
