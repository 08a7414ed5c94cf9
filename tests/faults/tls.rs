//! Certificates that do not fit. Each trial also reads through the one that does, so that nothing else is the fault.

use serde_json::json;

use crate::certificates::{Authority, Clients, Life};
use crate::proxy::{Action, Front, Proxy};
use crate::table::Row;
use crate::wire::Fault;
use crate::world::{World, at_once};

pub(crate) const FAULTS: &[Fault] = &[
    ("tls::expired", expired),
    ("tls::unknown_authority", unknown_authority),
    ("tls::wrong_name", wrong_name),
    ("tls::expired_client", expired_client),
    ("tls::expired_client_of_a_proxy", expired_client_of_a_proxy),
];

const HOST: &str = "127.0.0.1";

fn forwarding(world: &World, front: Front) -> Proxy {
    world.proxy_behind(front, Box::new(|_| Action::Forward))
}

fn expired(world: &World, row: &Row) {
    let authority = Authority::new("the authority of servers");
    for (life, is_good) in [(Life::Over, false), (Life::Good, true)] {
        let proxy = forwarding(world, authority.server(HOST, life, Clients::Any));
        let config = world.kubeconfig_of(&authority.cluster(proxy.port), &json!({}));
        if is_good {
            world.judge_healthy(row, &world.check_with(&config, &[]));
        } else {
            let run = at_once(|| world.check_with(&config, &[]));
            world.judge(row, &run, &[]);
            assert!(proxy.seen().is_empty(), "nothing was asked");
        }
    }
}

fn unknown_authority(world: &World, row: &Row) {
    let authority = Authority::new("the authority of servers");
    let other = Authority::new("another authority");
    let proxy = forwarding(world, authority.server(HOST, Life::Good, Clients::Any));
    let config = world.kubeconfig_of(&other.cluster(proxy.port), &json!({}));
    let run = at_once(|| world.check_with(&config, &[]));
    world.judge(row, &run, &[]);
    assert!(proxy.seen().is_empty(), "nothing was asked");
}

fn wrong_name(world: &World, row: &Row) {
    let authority = Authority::new("the authority of servers");
    let front = authority.server("api.example.com", Life::Good, Clients::Any);
    let proxy = forwarding(world, front);
    let config = world.kubeconfig_of(&authority.cluster(proxy.port), &json!({}));
    let run = at_once(|| world.check_with(&config, &[]));
    world.judge(row, &run, &[]);
    assert!(proxy.seen().is_empty(), "nothing was asked");
    // What is advised helps.
    let run = world.check_with(&config, &["--tls-server-name", "api.example.com"]);
    world.judge_healthy(row, &run);
}

fn expired_client(world: &World, row: &Row) {
    let text = std::fs::read_to_string(world.cluster.kubeconfig()).expect("a kubeconfig");
    let config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let cluster = &config["clusters"][0]["cluster"];
    let run_as = |life| {
        let user = world.authority.user(life);
        world.check_with(&world.kubeconfig_of(cluster, &user), &[])
    };
    world.judge(row, &run_as(Life::Over), &[]);
    world.judge_healthy(row, &run_as(Life::Good));
}

fn expired_client_of_a_proxy(world: &World, row: &Row) {
    let authority = Authority::new("the authority of servers");
    let front = authority.server(HOST, Life::Good, Clients::Of(&world.authority));
    let proxy = forwarding(world, front);
    let run_as = |life| {
        let user = world.authority.user(life);
        let config = world.kubeconfig_of(&authority.cluster(proxy.port), &user);
        world.check_with(&config, &[])
    };
    world.judge(row, &run_as(Life::Over), &[]);
    assert!(proxy.seen().is_empty(), "nothing was asked");
    world.judge_healthy(row, &run_as(Life::Good));
}
