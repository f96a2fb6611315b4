"""What a client may attach to a session."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from chalicelib.core.schema import RootSchema, Schema
from chalicelib.memory.attaching import Access
from chalicelib.sessions.mounts import (
    UPLOADS,
    checked_branch,
    checked_commit,
    checked_file_mount,
    checked_mount,
    checked_url,
    default_mount,
)
from chalicelib.sessions.resources import Checkout
from chalicelib.vaults.draft import Secret, VariableName

Url = Annotated[str, StringConstraints(max_length=4096), AfterValidator(checked_url)]
Mount = Annotated[str, AfterValidator(checked_mount)]
Value = Annotated[SecretStr, Field(max_length=32_768)]


class FileResource(Schema):
    """A file for the session."""

    type: Literal["file"]
    file_id: str
    mount_path: Annotated[str, AfterValidator(checked_file_mount)] | None = Field(
        default=None, max_length=1024, pattern=r"^[^\x00]+$"
    )

    def place(self) -> str:
        """Where it is wanted."""
        return self.mount_path or f"{UPLOADS}/{self.file_id}"


class CheckoutInput(Schema):
    """What of a repository is wanted: a branch by name or a commit by hash."""

    type: Literal["branch", "commit"] | None = None
    name: Annotated[str, AfterValidator(checked_branch)] | None = None
    sha: Annotated[str, AfterValidator(checked_commit)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> "CheckoutInput":
        kind = self.type or ("commit" if self.sha else "branch")
        if (self.sha if kind == "commit" else self.name) is None:
            raise ValueError("a commit has sha, a branch has name")
        return self

    def chosen(self) -> Checkout:
        """As the core knows it."""
        if self.sha is not None and self.type != "branch":
            return Checkout("commit", self.sha)
        return Checkout("branch", self.name or "")


class RepositoryResource(Schema):
    """A repository for the session; ``repo_url`` is another name of ``url``. The token is never shown."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["github_repository", "github_repo"]
    url: Url = Field(validation_alias=AliasChoices("url", "repo_url"))
    authorization_token: Secret | None = None
    mount_path: Mount | None = None
    checkout: CheckoutInput | None = None

    @model_validator(mode="after")
    def _has_a_place(self) -> "RepositoryResource":
        self.place()
        return self

    def place(self) -> str:
        """Where it goes."""
        return self.mount_path or default_mount(self.url)


class VariableResource(Schema):
    """An environment variable for the session's commands. The value is never shown."""

    type: Literal["env", "env_secret"]
    name: VariableName
    value: Value


class MemoryResource(Schema):
    """A memory store for the session."""

    type: Literal["memory_store"] = "memory_store"
    memory_store_id: str
    access: Access = "read_write"
    instructions: str | None = None


AnyResource = Annotated[
    FileResource | RepositoryResource | VariableResource | MemoryResource, Field(discriminator="type")
]


class NewResource(RootSchema[AnyResource]):
    """A resource to be added."""

    @property
    def type(self) -> str:
        """What kind it is."""
        return self.root.type


class ResourceUpdate(Schema):
    """A new secret: of a repository its token, of a variable its value."""

    authorization_token: Secret | None = None
    value: Value | None = None
