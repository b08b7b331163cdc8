//! From a host and a port to a TCP connection, by the rules of Node's `net.connect`.

use std::io;
use std::net::SocketAddr;

use dns_lookup::{AddrInfoHints, LookupError, getaddrinfo};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Duration;

use super::marks::{Marks, Step, mark};
use super::watched::Activity;
use crate::asker::Question;
use crate::failure::{NetworkError, NoReply};
use crate::options::{AgentOptions, Family, NetworkOptions};

/// Connects to `host`; `activity` sees every step, and so do `marks`.
pub async fn connect(
    options: &AgentOptions,
    host: &str,
    port: u16,
    activity: &Activity,
    marks: Option<&Marks>,
) -> Result<TcpStream, NoReply> {
    let network = &options.network;
    let addresses = if let Ok(address) = host.parse() {
        vec![SocketAddr::new(address, port)]
    } else {
        let addresses = lookup(options, host, port).await?;
        activity.touch();
        mark(marks, Step::LookedUp);
        addresses
    };
    let stream = match (network.attempt_timeout, &addresses[..]) {
        (_, []) => Err(NoReply::lookup(NOT_FOUND, host)),
        (Some(limit), [_, _, ..]) if network.family.is_none() && network.local_address.is_none() => {
            try_each(network, alternate(&addresses), limit).await
        }
        (_, [first, ..]) => attempt(network, *first).await.map_err(|error| NoReply::Network(*error)),
    }?;
    activity.touch();
    mark(marks, Step::Connected);
    Ok(stream)
}

/// The addresses with the families in turn, each once; the first one stays the first.
fn alternate(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !unique.contains(address) {
            unique.push(*address);
        }
    }
    let first = Family::of(&addresses[0]);
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for address in unique {
        if Family::of(&address) == first { ones.push(address) } else { others.push(address) }
    }
    let longest = ones.len().max(others.len());
    let (mut ones, mut others) = (ones.into_iter(), others.into_iter());
    (0..longest).flat_map(|_| [ones.next(), others.next()]).flatten().collect()
}

/// Tries one address after the other. Source: `autoSelectFamily` of Node 20, which gives an attempt up before it makes
/// the next one.
async fn try_each(network: &NetworkOptions, addresses: Vec<SocketAddr>, limit: Duration) -> Result<TcpStream, NoReply> {
    let last = addresses.len() - 1;
    let mut errors = Vec::new();
    for (index, address) in addresses.into_iter().enumerate() {
        let attempt = attempt(network, address);
        let result = if index == last {
            attempt.await
        } else {
            let timed_out = || Box::new(NetworkError::connect("ETIMEDOUT", ETIMEDOUT, address));
            tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(timed_out()))
        };
        match result {
            Ok(stream) => return Ok(stream),
            Err(error) => errors.push(*error),
        }
    }
    Err(if last == 0 {
        errors.pop().map_or_else(NoReply::hang_up, NoReply::Network)
    } else {
        NoReply::Several { errors }
    })
}

#[cfg(unix)]
const ETIMEDOUT: Option<i32> = Some(-libc::ETIMEDOUT);
#[cfg(not(unix))]
const ETIMEDOUT: Option<i32> = None;

async fn attempt(network: &NetworkOptions, address: SocketAddr) -> Result<TcpStream, Box<NetworkError>> {
    let failed = |error: io::Error| Box::new(NetworkError::of_connect(&error, address));
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    if let Some(local) = network.local_address {
        socket.bind(SocketAddr::new(local, 0)).map_err(|error| Box::new(NetworkError::of_bind(&error, local)))?;
    }
    let stream = socket.connect(address).await.map_err(failed)?;
    stream.set_nodelay(network.no_delay).map_err(failed)?;
    if let Some(delay) = network.probe_after {
        // Node takes no notice when the system refuses them, and libuv asks for ten, a second apart.
        let _ = SockRef::from(&stream).set_tcp_keepalive(&probes(delay));
    }
    Ok(stream)
}

fn probes(delay: Duration) -> TcpKeepalive {
    let probes = TcpKeepalive::new().with_interval(Duration::from_secs(1)).with_retries(10);
    if delay.as_secs() > 0 { probes.with_time(Duration::from_secs(delay.as_secs())) } else { probes }
}

/// `ENOTFOUND` as libuv numbers it.
const NOT_FOUND: (&str, Option<i32>) = ("ENOTFOUND", Some(-3008));

async fn lookup(options: &AgentOptions, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoReply> {
    let network = &options.network;
    if network.asks_lookup
        && let Some(answer) = options.asker.ask(Question::Lookup { host: host.to_owned() }).await
    {
        // The caller has checked that they are addresses.
        return Ok(answer?.iter().filter_map(|text| Some(SocketAddr::new(text.parse().ok()?, port))).collect());
    }
    let hints = AddrInfoHints {
        flags: network.hints.unwrap_or(if network.family.is_none() { ADDRCONFIG } else { 0 }),
        address: network.family.map_or(0, |family| match family {
            Family::V4 => dns_lookup::AddrFamily::Inet.into(),
            Family::V6 => dns_lookup::AddrFamily::Inet6.into(),
        }),
        socktype: dns_lookup::SockType::Stream.into(),
        protocol: 0,
    };
    let name = host.to_owned();
    let found = tokio::task::spawn_blocking(move || {
        getaddrinfo(Some(&name), None, Some(hints))
            .map(|found| found.flatten().map(|one| one.sockaddr).collect::<Vec<_>>())
            .map_err(|error| named(&error))
    })
    .await
    .unwrap_or(Err(NOT_FOUND));
    let mut addresses = found.map_err(|named| NoReply::lookup(named, host))?;
    for address in &mut addresses {
        address.set_port(port);
    }
    if let Some(first) = network.first {
        addresses.sort_by_key(|address| Family::of(address) != first);
    }
    Ok(addresses)
}

#[cfg(unix)]
const ADDRCONFIG: i32 = libc::AI_ADDRCONFIG;
// Node leaves it out on Windows.
#[cfg(not(unix))]
const ADDRCONFIG: i32 = 0;

/// Code and number of a failed look-up, as libuv and Node have them.
fn named(error: &LookupError) -> (&'static str, Option<i32>) {
    use dns_lookup::LookupErrorKind as Kind;
    match error.kind() {
        Kind::Again => ("EAI_AGAIN", Some(-3001)),
        Kind::Badflags => ("EAI_BADFLAGS", Some(-3002)),
        Kind::Fail => ("EAI_FAIL", Some(-3004)),
        Kind::Family => ("EAI_FAMILY", Some(-3005)),
        Kind::Memory => ("EAI_MEMORY", Some(-3006)),
        // Node has one name for both.
        Kind::NoData => ("ENOTFOUND", Some(-3007)),
        Kind::Service => ("EAI_SERVICE", Some(-3010)),
        Kind::Socktype => ("EAI_SOCKTYPE", Some(-3011)),
        // A name of characters that no resolver takes comes here, too.
        Kind::NoName | Kind::System | Kind::Unknown | Kind::IO => NOT_FOUND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_first_address_stays_the_first() {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = parse(&["[::1]:1", "[::2]:1", "[::1]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(alternate(&given), parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
    }

    #[test]
    #[cfg(unix)]
    fn failed_look_ups_have_the_names_and_numbers_of_node() {
        let cases = [
            (libc::EAI_AGAIN, "EAI_AGAIN", -3001),
            (libc::EAI_NONAME, "ENOTFOUND", -3008),
            (libc::EAI_FAIL, "EAI_FAIL", -3004),
            (libc::EAI_MEMORY, "EAI_MEMORY", -3006),
        ];
        for (number, code, errno) in cases {
            assert_eq!(named(&LookupError::new(number)), (code, Some(errno)));
        }
    }
}
