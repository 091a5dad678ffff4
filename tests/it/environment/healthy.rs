//! Unusual networks that work: no false alarm.

use super::relay::tunnel;
use super::scene::all_is_well;
use super::world::{Authority, HOST, ORIGIN, World, address, truth};
use crate::hostile::names::serve;

#[test]
fn the_sound_world_is_sound() {
    all_is_well("everything as usual", &World::sound().arguments());
}

/// A private address at which, through a VPN, Cloudflare itself answers.
#[test]
fn a_split_horizon_that_works() {
    let resolver = serve(|q| vec![if q.name() == HOST { address(q, &[10, 1, 2, 3]) } else { truth(q) }], None);
    all_is_well("a split horizon", &World { resolver, ..World::sound() }.arguments());
}

#[test]
fn a_proxy_that_tunnels_honestly() {
    let world = World::sound();
    let place = |host: &str, port: u16, to: u16| (format!("{host}:{port}"), to);
    let proxy = tunnel(vec![
        place(HOST, 443, world.edge),
        place(HOST, 80, world.edge_plain),
        place(ORIGIN, 443, world.origin),
        place(ORIGIN, 80, world.origin_plain),
    ]);
    let resolver = format!("127.0.0.1:{}", world.resolver);
    let arguments = ["--proxy", &format!("http://127.0.0.1:{proxy}"), "--resolver", &resolver, "--origin", ORIGIN];
    all_is_well("a proxy that tunnels", &arguments.map(Into::into));
}

/// A root of somebody's own that is given and shows up nowhere.
#[test]
fn an_own_root_that_is_not_met() {
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("own.pem");
    std::fs::write(&given, Authority::new("Example Corporation", "Inspection CA", None).pem()).unwrap();
    let mut arguments = World::sound().arguments();
    arguments.extend(["--cacert".into(), given.display().to_string()]);
    all_is_well("an own root", &arguments);
}
