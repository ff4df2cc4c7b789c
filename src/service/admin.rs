//! The admin port: `/livez`, `/readyz`, `/metrics`. It must never ask Kafka anything: a broker that is
//! away must not get a healthy pod restarted.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use tokio::runtime::Handle;

use super::Service;
use super::board::Board;
use crate::clock::Stopwatch;
use crate::exit::{Failure, Outcome};
use crate::metrics::Metrics;

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const ROUTES: [&str; 4] = ["/", "/livez", "/readyz", "/metrics"];
const INDEX: &str = "/livez    alive: every worker turns its loop\n\
                     /readyz   ready: every worker has its partitions restored\n\
                     /metrics  figures, in the Prometheus text format\n";

/// What the answers are made from.
#[derive(Clone)]
struct Desk {
    board: Arc<Board>,
    metrics: Metrics,
    liveness_timeout_ms: i64,
}

/// Takes the port, before anything else is done.
pub(super) fn bind(listen: &str) -> Outcome<TcpListener> {
    let bound = TcpListener::bind(listen).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound
        .with_context(|| format!("cannot listen on {listen}; set `admin.listen` to a free address and port"))
        .map_err(Failure::Runtime)
}

/// Answers until the runtime ends.
pub(super) fn serve(runtime: &Handle, listener: TcpListener, service: &Service, board: &Arc<Board>) -> Outcome {
    let desk = Desk {
        board: Arc::clone(board),
        metrics: service.metrics.clone(),
        liveness_timeout_ms: service.settings.liveness_timeout_ms,
    };
    let _context = runtime.enter();
    let address = listener.local_addr().map_err(Failure::runtime)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(Failure::runtime)?;
    tracing::info!(%address, "admin port");
    runtime.spawn(async move {
        if let Err(error) = axum::serve(listener, routes(desk)).await {
            tracing::error!(%error, "the admin port is gone");
        }
    });
    Ok(())
}

fn routes(desk: Desk) -> Router {
    let not_found = || async { (StatusCode::NOT_FOUND, text("not found; / lists what there is\n")) };
    let not_allowed = || async { (StatusCode::METHOD_NOT_ALLOWED, text("only GET is answered here\n")) };
    Router::new()
        .route("/", get(|| async { text(INDEX) }))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(desk.clone(), measure))
        .with_state(desk)
}

fn text(body: impl Into<String>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TEXT)], body.into())
}

async fn livez(State(desk): State<Desk>) -> Response {
    let liveness = desk.board.liveness(desk.liveness_timeout_ms);
    (status(liveness.alive), Json(liveness)).into_response()
}

async fn readyz(State(desk): State<Desk>) -> Response {
    let readiness = desk.board.readiness();
    (status(readiness.ready), Json(readiness)).into_response()
}

fn status(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn metrics(State(desk): State<Desk>) -> Response {
    // The gauge is as old as the last look at the board.
    desk.board.readiness();
    // Asking the stores takes their locks: not on a thread that serves probes.
    let rendered = tokio::task::spawn_blocking(move || desk.metrics.render()).await;
    let rendered = rendered.map_err(|error| Failure::Runtime(anyhow!("{error}"))).flatten();
    match rendered {
        Ok(body) => ([(header::CONTENT_TYPE, PROMETHEUS)], body).into_response(),
        Err(Failure::Request(error) | Failure::Runtime(error)) => {
            tracing::error!(%error, "metrics");
            (StatusCode::INTERNAL_SERVER_ERROR, text(format!("{error:#}\n"))).into_response()
        }
    }
}

async fn measure(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let route = ROUTES.into_iter().find(|route| *route == request.uri().path()).unwrap_or("other");
    let method = request.method().clone();
    let response = next.run(request).await;
    desk.metrics.http.answered(route, method.as_str(), response.status().as_u16(), watch.elapsed());
    response
}
