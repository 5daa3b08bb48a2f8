"""Names and what they stand for: the choices of one kind. Knows no choice itself; the catalogue fills it when first
asked.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic_core import PydanticCustomError, core_schema

from desktop_trainer.experiment.section import Section
from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler


class Choice(Section):
    """One entry of a registry: a name and the options that it declares for itself.

    A subclass declares ``name: Literal["its_name"] = "its_name"``, which is what files store, its label, its
    explanation (shown to users), and its options as settings.
    """

    name: str
    label: ClassVar[str]
    explanation: ClassVar[str] = ""


C = TypeVar("C", bound=Choice)


class Registry(Mapping[str, type[C]], Generic[C]):
    """Choice classes by name, filled by importing `module`, or every module of that package, when first read.

    As metadata of a field, ``Annotated[ModelChoice, MODELS]``, it validates the field: a name, a mapping with
    ``name`` and options, or a choice.

    Attributes:
        failed: modules of the package that could not be imported, with the error of each. The others are there.
    """

    def __init__(self, kind: str, module: str) -> None:
        self.kind = kind
        self.failed: dict[str, Exception] = {}
        self._module = module
        self._choices: dict[str, type[C]] = {}
        self._filled = self._filling = False
        self._lock = RLock()  # a module that is being imported may look into its own registry

    def register(self, choice: type[C]) -> type[C]:
        """Class decorator: make `choice` known under its name.

        Raises:
            ValueError: if the name is taken.
        """
        name = choice.model_fields["name"].default
        if name in self._choices:
            raise ValueError(f"{self.kind}: the name {name!r} is taken by {self._choices[name].__qualname__}.")
        self._choices[name] = choice
        return choice

    def __getitem__(self, name: str) -> type[C]:
        return self._fill()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fill())

    def __len__(self) -> int:
        return len(self._fill())

    def _fill(self) -> dict[str, type[C]]:
        """All choices. Another thread waits until all are there; what could not be imported as a whole is tried
        again.
        """
        with self._lock:
            if not (self._filled or self._filling):
                self._filling = True
                try:
                    self._import()
                    self._filled = True
                finally:
                    self._filling = False
        return self._choices

    def _import(self) -> None:
        package = importlib.import_module(self._module)
        for module in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{self._module}."):
            try:
                importlib.import_module(module.name)
            except Exception as error:  # noqa: BLE001  a module that somebody adds may raise anything; the others must be there
                self.failed[module.name] = error
                for name in [name for name, choice in self._choices.items() if choice.__module__ == module.name]:
                    del self._choices[name]

    def validate(self, value: Any) -> C:
        """The choice that `value` describes: a choice, a name, or a mapping of name and options.

        Raises:
            PydanticCustomError: if the name is unknown; it lists the known ones.
            pydantic.ValidationError: if an option is wrong.
        """
        if isinstance(value, Choice):
            value = value.model_dump()
        fields = {"name": value} if isinstance(value, str) else value
        name = fields.get("name") if isinstance(fields, Mapping) else None
        if not isinstance(name, str) or name not in self:
            raise PydanticCustomError("unknown_choice", "{message}", {"message": self._unknown(name)})
        return self[name].model_validate(fields)

    def _unknown(self, name: Any) -> str:
        if name is None:
            return tr("The name is missing. Known are: {known}.", known=", ".join(self))
        text = tr("There is no {name!r}. Known are: {known}.", name=name, known=", ".join(self))
        return " ".join((text, *self.failures()))

    def failures(self) -> list[str]:
        """A sentence for each module that could not be loaded."""
        return [
            tr("{module} could not be loaded: {kind}: {error}", module=module, kind=type(error).__name__, error=error)
            for module, error in self.failed.items()
        ]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        dump = core_schema.plain_serializer_function_ser_schema(Choice.model_dump)
        return core_schema.no_info_plain_validator_function(self.validate, serialization=dump)
