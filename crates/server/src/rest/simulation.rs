//! `/simulation`: devices that this process plays, for a first look.

use axum::Json;
use axum::extract::State;
use windlass_api::simulation::{Simulation, StartSimulation};
use windlass_app::simulation::Shown;
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{Accepted, Body, Done};
use super::routes::Routes;

const PATH: &str = "/api/v1/simulation";

pub(super) fn routes(routes: Routes) -> Routes {
    let summary = "Simulated devices that this server runs";
    routes
        .tag("server")
        .get(PATH, Permission::ServerRead, "getSimulation", summary, get)
        .post(
            PATH,
            Permission::ServerManage,
            "startSimulation",
            "Run simulated devices, or change how many",
            start,
        )
        .delete(PATH, Permission::ServerManage, "stopSimulation", "Stop the simulated devices", stop)
}

fn show(shown: Shown) -> Simulation {
    let Shown { available, devices, connected, problem } = shown;
    Simulation { available, running: devices > 0, devices: u64::from(devices), connected, problem }
}

async fn get(State(rest): State<Rest>, Caller(by): Caller) -> Result<Json<Simulation>, Refusal> {
    Ok(Json(show(rest.config.simulation.shown(&by).await?)))
}

async fn start(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(StartSimulation { devices }): Body<StartSimulation>,
) -> Result<Accepted<Simulation>, Refusal> {
    Ok(Accepted(show(rest.config.simulation.want(&by, devices).await?)))
}

async fn stop(State(rest): State<Rest>, Caller(by): Caller) -> Result<Done, Refusal> {
    rest.config.simulation.end(&by).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn numbers_out_of_bounds_are_refused_by_name_and_a_server_without_simulator_says_so() {
        let server = Fixture::new("simulation-bounds").await;
        for body in
            [json!({"devices": 0}), json!({"devices": 1001}), json!({"devices": -1}), json!({"devices": 2.5})]
        {
            let refused = server.post("/simulation", body).await.problem(400, "request.invalid");
            assert_eq!(refused.fields(), ["devices"]);
        }
        let both = server.post("/simulation", json!({"device": 5})).await.problem(400, "request.invalid");
        assert_eq!(both.fields(), ["device", "devices"]);
        server.post("/simulation", json!({"devices": 5})).await.problem(409, "simulation.unavailable");
        let shown = server.get("/simulation").await.expect(200);
        assert_eq!(shown, json!({"available": false, "running": false, "devices": 0, "connected": 0}));
        server.delete("/simulation").await.expect(204);
    }

    #[tokio::test]
    async fn roles_that_do_not_run_the_server_and_other_tenants_start_and_stop_nothing() {
        let server = Fixture::new("simulation-rights").await;
        for role in ["viewer", "operator", "installer"] {
            let weak = server.as_role(role).await;
            weak.post("/simulation", json!({"devices": 5})).await.problem(403, "auth.forbidden");
            weak.delete("/simulation").await.problem(403, "auth.forbidden");
        }
        let other = server.in_another_tenant("acme").await;
        assert_eq!(other.get("/simulation").await.expect(200)["available"], false);
        other.post("/simulation", json!({"devices": 5})).await.problem(403, "auth.forbidden");
        other.delete("/simulation").await.problem(403, "auth.forbidden");
    }
}
