"""Settings, all from the environment; ``docs/operations.md`` lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core.environ import flag, whole, words

_SECRET_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs. Times are in the unit their name says."""

    table: str
    bucket: str
    queue_url: str
    dead_letter_url: str = ""
    stage: str = "local"
    region: str = "us-east-1"
    root_key_sha256: str = ""
    root_secret: str = field(default="", repr=False)
    kms_key: str = ""
    reads_per_minute: int = 0
    writes_per_minute: int = 0
    uploads_per_minute: int = 0
    lease_seconds: int = 45
    heartbeat_seconds: int = 15
    work_lease_seconds: int = 60
    poll_active_ms: int = 200
    poll_idle_ms: int = 1000
    ping_seconds: int = 15
    stream_seconds: int = 0
    max_attempts: int = 4
    model_tries: int = 4
    model_backoff_ms: int = 500
    max_steps: int = 200
    max_repeats: int = 25
    max_running_seconds: int = 0
    compact_ratio_percent: int = 70
    max_upload_mib: int = 512
    outbound_allow: tuple[str, ...] = ()
    public_url: str = ""
    download_uploads: bool = True
    webhook_plain_http: bool = False
    webhook_any_port: bool = False
    schedule_jitter: bool = True
    eval_parallel_trials: int = 4
    tenant_runs: int = 25

    @staticmethod
    def from_env(env: Mapping[str, str]) -> "Settings":
        """Read ``LAMBENT_*``. Raises ValueError naming the variable when a value cannot be used."""
        return Settings(
            table=env.get("LAMBENT_TABLE", ""),
            bucket=env.get("LAMBENT_BUCKET", ""),
            queue_url=env.get("LAMBENT_QUEUE_URL", ""),
            dead_letter_url=env.get("LAMBENT_DLQ_URL", ""),
            stage=env.get("LAMBENT_STAGE", "local"),
            region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
            root_key_sha256=env.get("LAMBENT_ROOT_KEY_SHA256", ""),
            root_secret=_root_secret(env),
            kms_key=env.get("LAMBENT_KMS_KEY", ""),
            reads_per_minute=whole(env, "LAMBENT_READS_PER_MINUTE", 0),
            writes_per_minute=whole(env, "LAMBENT_WRITES_PER_MINUTE", 0),
            uploads_per_minute=whole(env, "LAMBENT_UPLOADS_PER_MINUTE", 0),
            lease_seconds=whole(env, "LAMBENT_LEASE_SECONDS", 45),
            heartbeat_seconds=whole(env, "LAMBENT_HEARTBEAT_SECONDS", 15),
            work_lease_seconds=whole(env, "LAMBENT_WORK_LEASE_SECONDS", 60),
            poll_active_ms=whole(env, "LAMBENT_POLL_ACTIVE_MS", 200),
            poll_idle_ms=whole(env, "LAMBENT_POLL_IDLE_MS", 1000),
            ping_seconds=whole(env, "LAMBENT_PING_SECONDS", 15),
            stream_seconds=whole(env, "LAMBENT_STREAM_SECONDS", 0),
            max_attempts=whole(env, "LAMBENT_MAX_ATTEMPTS", 4),
            model_tries=whole(env, "LAMBENT_MODEL_TRIES", 4),
            model_backoff_ms=whole(env, "LAMBENT_MODEL_BACKOFF_MS", 500),
            max_steps=whole(env, "LAMBENT_MAX_STEPS", 200),
            max_repeats=whole(env, "LAMBENT_MAX_REPEATS", 25),
            max_running_seconds=whole(env, "LAMBENT_MAX_RUNNING_SECONDS", 0),
            compact_ratio_percent=whole(env, "LAMBENT_COMPACT_RATIO_PERCENT", 70),
            max_upload_mib=whole(env, "LAMBENT_MAX_UPLOAD_MIB", 512),
            outbound_allow=words(env, "LAMBENT_OUTBOUND_ALLOW"),
            public_url=env.get("LAMBENT_PUBLIC_URL", "").strip().rstrip("/"),
            download_uploads=flag(env, "LAMBENT_DOWNLOAD_UPLOADS", default=True),
            webhook_plain_http=flag(env, "LAMBENT_WEBHOOK_PLAIN_HTTP", default=False),
            webhook_any_port=flag(env, "LAMBENT_WEBHOOK_ANY_PORT", default=False),
            schedule_jitter=flag(env, "LAMBENT_SCHEDULE_JITTER", default=True),
            eval_parallel_trials=max(whole(env, "LAMBENT_EVAL_PARALLEL_TRIALS", 4), 1),
            tenant_runs=whole(env, "LAMBENT_TENANT_RUNS", 25),
        )


def _root_secret(env: Mapping[str, str]) -> str:
    for name in ("LAMBENT_ROOT_SECRET", "PLATFORM_ROOT_SECRET"):
        text = env.get(name, "").strip()
        if text and len(text) < _SECRET_CHARACTERS:
            raise ValueError(f"{name} must have at least {_SECRET_CHARACTERS} characters")
        if text:
            return text
    return ""
