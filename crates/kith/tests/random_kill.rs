//! The real server under load, killed with SIGKILL at random: nothing that was answered is lost, nothing is stuck, and
//! every rule of the audit holds after every kill. `KILLS` says how often (20), `KILL_SEED` repeats a seed's choices.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use running::load::{Chance, Load};
use running::world::World;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn check(mut world: World) {
    let kills = variable("KILLS").unwrap_or(20);
    let seed = variable("KILL_SEED").unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap();
        now.as_secs()
    });
    println!("KILL_SEED={seed} KILLS={kills}");
    let mut chance = Chance(seed);
    world.start_server(None);
    let load = Load::start(&world, chance.below(u64::MAX));
    for _ in 0..kills {
        load.wait(1 + chance.below(60));
        world.stop_server();
        assert!(world.kith(&["audit"]).contains("every rule holds"));
        // One in four dies again while it starts.
        if chance.below(4) == 0 {
            world.start_and_kill(usize::try_from(chance.below(4)).unwrap());
        }
        world.start_server(None);
        load.up();
    }
    load.finish(&world);
}

#[test]
fn killed_at_random_over_sqlite() {
    check(World::new("random"));
}

#[test]
fn killed_at_random_over_postgresql() {
    let url = pgbox::shared().unwrap().database("random_kill").unwrap();
    check(World::over("random-pg", Some(&url)));
}
