"""Which routes the credentials of workers open: these, each within bounds, and no other."""

from chalicelib.doors import all_doors
from chalicelib.doors.managed import reach

SESSION, WORK = "/v1/sessions/{session_id}", "/v1/environments/{environment_id}/work"
THREAD = f"{SESSION}/threads/{{thread_id}}"
MEMORIES = "/v1/memory_stores/{memory_store_id}/memories"
MEMORY = f"{MEMORIES}/{{memory_id}}"
OPEN = {
    ("GET", f"{WORK}/poll"): reach.own_environment,
    ("GET", f"{WORK}/stats"): reach.own_environment,
    ("GET", WORK): reach.own_environment,
    ("GET", f"{WORK}/{{work_id}}"): reach.own_work,
    ("POST", f"{WORK}/{{work_id}}"): reach.own_work,
    ("PATCH", f"{WORK}/{{work_id}}"): reach.own_work,
    ("PUT", f"{WORK}/{{work_id}}"): reach.own_work,
    ("POST", f"{WORK}/{{work_id}}/ack"): reach.own_work,
    ("POST", f"{WORK}/{{work_id}}/heartbeat"): reach.own_work,
    ("POST", f"{WORK}/{{work_id}}/stop"): reach.own_work,
    ("GET", SESSION): reach.own_session,
    ("POST", f"{SESSION}/events"): reach.own_session_results,
    ("GET", f"{SESSION}/events"): reach.own_session,
    ("GET", f"{SESSION}/events/stream"): reach.own_session,
    ("GET", f"{SESSION}/stream"): reach.own_session,
    ("GET", f"{SESSION}/resources"): reach.own_session,
    ("GET", f"{SESSION}/resources/{{resource_id}}"): reach.own_session,
    ("GET", f"{SESSION}/threads"): reach.own_session,
    ("GET", THREAD): reach.own_session,
    ("GET", f"{THREAD}/events"): reach.own_session,
    ("GET", f"{THREAD}/stream"): reach.own_session,
    ("GET", f"{THREAD}/events/stream"): reach.own_session,
    ("GET", "/v1/files"): reach.own_files,
    ("GET", "/v1/files/{file_id}"): reach.own_file,
    ("GET", "/v1/files/{file_id}/content"): reach.own_file,
    ("GET", "/v1/skills/{skill_id}"): reach.own_skill,
    ("GET", "/v1/skills/{skill_id}/versions/{version}"): reach.own_skill,
    ("GET", "/v1/skills/{skill_id}/versions/{version}/content"): reach.own_skill,
    ("GET", MEMORIES): reach.own_store,
    ("POST", MEMORIES): reach.own_writable_store,
    ("GET", MEMORY): reach.own_store,
    ("POST", MEMORY): reach.own_writable_store,
    ("PATCH", MEMORY): reach.own_writable_store,
    ("PUT", MEMORY): reach.own_writable_store,
    ("DELETE", MEMORY): reach.own_writable_store,
}


def test_these_routes_and_no_other_open_to_workers() -> None:
    found = {
        (method, route.path): route.reach
        for door in all_doors()
        for route in door.routes
        for method in route.methods
        if route.reach is not None
    }
    assert found == OPEN
