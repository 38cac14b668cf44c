//! Bulk work: an interactive edit beside a million bulk marks (`lane`), and how cost grows (`growth`).

use crate::full::{House, Load, row};
use crate::{installation, population};
use book::Revision;
use control::Settings;
use delivery::{Due, Lane};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;
use store::Job;

/// Friends of each; the last one is not on the card yet.
const FRIENDS: u32 = 2;
/// Who is edited; the others are due in bulk.
const PEOPLE: u32 = 1_000;
/// Marks in one commit.
const TOGETHER: usize = 500;

/// `bulk` marks are due, paced at `per_s`; people edit 20 times a second.
pub fn lane(bulk: u32, per_s: u32, seconds: u64) -> Result<(), String> {
    let settings = Settings {
        bulk_per_s: Some(per_s),
        ..installation::settings()
    };
    in_a_house(settings, async |house, _| {
        let bulk = bulk.min(population::MOST - PEOPLE);
        population::settle(&house.control, PEOPLE + bulk, FRIENDS, 1).await?;
        mark(house, PEOPLE..PEOPLE + bulk).await?;
        installation::rested()?;
        let before = due(house).await?;
        let begun = Instant::now();
        let load = Load {
            terminals: PEOPLE,
            friends: FRIENDS,
            seconds,
            rate: Some(20),
            together: 1_000,
        };
        let figures = house.measure(0..PEOPLE, load).await;
        let planned = f64::from(before - due(house).await?) / begun.elapsed().as_secs_f64();
        let worst = figures.wire.iter().copied().fold(0.0, f64::max);
        println!("{bulk} bulk marks, {planned:.0} planned a second; an edit at most {worst:.1} ms");
        println!("{}", row(PEOPLE, figures));
        Ok(())
    })
}

/// 10⁴, 10⁵, 10⁶ terminals, the same load.
pub fn growth(seconds: u64) -> Result<(), String> {
    for terminals in [10_000, 100_000, population::MOST] {
        in_a_house(installation::settings(), async |house, folder| {
            population::settle(&house.control, terminals, 10, 0).await?;
            installation::rested()?;
            let octets = installation::octets(folder)? / u64::from(terminals);
            let load = Load {
                terminals,
                friends: 10,
                seconds,
                rate: None,
                together: 400,
            };
            let figures = house.measure(0..terminals, load).await;
            println!(
                "{}; {octets} octets on disk a terminal",
                row(terminals, figures)
            );
            Ok(())
        })?;
    }
    Ok(())
}

/// A house in a folder of its own, and work in it.
pub fn in_a_house(
    settings: Settings,
    work: impl AsyncFnOnce(&House, &Path) -> Result<(), String>,
) -> Result<(), String> {
    installation::in_a_folder(|folder| {
        let runtime = tokio::runtime::Runtime::new().map_err(|why| why.to_string())?;
        runtime.block_on(async {
            let house = House::start(folder, settings)?;
            let done = work(&house, folder).await;
            house.close().await;
            done
        })
    })
}

/// Marks as a campaign makes them.
async fn mark(house: &House, range: Range<u32>) -> Result<(), String> {
    let now = house.control.now();
    let numbers: Vec<u32> = range.collect();
    for some in numbers.chunks(TOGETHER) {
        let marks = some.iter().map(|n| {
            let due = Due::new(Revision(u64::from(FRIENDS)), now, Lane::Bulk);
            (population::terminal(*n), due)
        });
        let job = Job::MarkDue {
            marks: marks.collect(),
            replace: true,
        };
        house
            .control
            .store()
            .run(job)
            .await
            .map_err(|why| why.to_string())?;
    }
    Ok(())
}

/// Terminals that are due.
pub async fn due(house: &House) -> Result<u32, String> {
    let counts = house.control.store().counts(house.control.now()).await;
    let due = counts.map_err(|why| why.to_string())?.due;
    Ok(u32::try_from(due).unwrap_or(u32::MAX))
}
