//! Waits and failures of one client.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use super::super::options::NoopObserver;
use super::state::RetryState;
use super::{AttemptError, RequestError, Timeout, has_failed_checks};

fn failed(error: RequestError, seconds: Option<u64>) -> AttemptError {
    AttemptError {
        error,
        retry_after: seconds.map(Duration::from_secs),
    }
}

fn throttled(seconds: Option<u64>) -> AttemptError {
    let message = String::new();
    failed(RequestError::TooManyRequests { message }, seconds)
}

fn connection_refused() -> AttemptError {
    let server = String::new();
    failed(RequestError::ConnectionRefused { server }, None)
}

fn timed_out() -> AttemptError {
    let operation = String::new();
    let after = None;
    failed(RequestError::TimedOut { operation, after }, None)
}

fn state() -> RetryState {
    RetryState::new(String::new(), Timeout::default(), Arc::new(NoopObserver))
}

/// Every wait until the last attempt; each must be in its range of seconds.
fn assert_waits(state: &RetryState, failure: &AttemptError, expected: &[Range<f32>]) {
    let waits: Vec<f32> = (1..)
        .map_while(|attempt| state.backoff_for("/a", failure, attempt))
        .map(|wait| wait.as_secs_f32())
        .collect();
    assert_eq!(waits.len(), expected.len(), "{waits:?}");
    for (wait, range) in waits.iter().zip(expected) {
        assert!(range.contains(wait), "{waits:?}");
    }
}

#[test]
fn waits_as_the_server_asks_and_else_longer_each_time() {
    assert_waits(&state(), &throttled(None), &[0.5..1.0, 1.0..2.0, 2.0..4.0]);
    assert_waits(&state(), &throttled(Some(7)), &vec![7.0..7.5; 9]);
}

#[test]
fn concurrent_requests_do_not_return_together() {
    for failure in [throttled(None), throttled(Some(1))] {
        let wait = || state().backoff_for("/a", &failure, 1);
        let first = wait();
        assert!((0..20).any(|_| wait() != first), "{first:?}");
    }
}

#[test]
fn waits_for_a_server_that_has_responded() {
    let state = state();
    assert_waits(&state, &connection_refused(), &[]);
    state.record_response();
    let mut expected = vec![0.5..1.0, 1.0..2.0, 2.0..4.0];
    expected.resize(9, 4.0..8.0);
    assert_waits(&state, &connection_refused(), &expected);
}

#[test]
fn permanent_failures_are_not_retried() {
    let message = String::new();
    for error in [
        RequestError::Forbidden {
            message: message.clone(),
        },
        RequestError::Server {
            code: 501,
            reason: message.clone(),
            message: message.clone(),
        },
        RequestError::InvalidResponse { found: message },
    ] {
        assert_waits(&state(), &failed(error, None), &[]);
    }
}

#[tokio::test(start_paused = true)]
async fn retries_end_when_all_requests_fail_for_too_long() {
    let state = state();
    let retries = || state.backoff_for("/a", &throttled(Some(1)), 1).is_some();
    assert!(retries());
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(retries());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!retries());
    state.record_success();
    assert!(retries());
}

#[test]
fn a_server_that_hangs_twice_gets_no_third_request() {
    let state = state();
    let hangs = |uri: &str| assert!(state.backoff_for(uri, &timed_out(), 1).is_none());
    hangs("/ns/a/pods?limit=5");
    hangs("/ns/b/pods?limit=5");
    assert!(state.check_circuit("/ns/c/pods").is_err());
    assert_eq!(state.check_circuit("/nodes"), Ok(()));
    hangs("/nodes");
    assert!(state.check_circuit("/secrets").is_err());
    state.record_success();
    assert_eq!(state.check_circuit("/secrets"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn concurrent_waits_count_once() {
    let state = state();
    let wait = |seconds| state.wait_backoff(Duration::from_secs(seconds), "");
    futures::join!(wait(2), wait(5), wait(1));
    wait(1).await;
    assert_eq!(state.total_backoff(), Duration::from_secs(6));
}

#[test]
fn only_a_list_of_checks_is_usable_in_spite_of_its_status() {
    let has_checks = |content_type: &'static str, body: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        has_failed_checks(&headers, body.as_bytes())
    };
    let checks = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";
    assert!(has_checks("text/plain; charset=utf-8", checks));
    assert!(!has_checks("application/json", checks));
    assert!(!has_checks("text/plain", "bad gateway [-]"));
}
