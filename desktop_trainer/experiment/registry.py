"""Names and what they stand for: the choices of one kind. Knows no choice itself; the catalogue fills it when first asked."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
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
    """Choice classes by name, filled by importing `module` when first read.

    As metadata of a field, ``Annotated[ModelChoice, MODELS]``, it validates the field: a name, a mapping with
    ``name`` and options, or a choice.
    """

    def __init__(self, kind: str, module: str) -> None:
        self.kind = kind
        self._module = module
        self._choices: dict[str, type[C]] = {}
        self._filled = False

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
        if not self._filled:
            self._filled = True
            importlib.import_module(self._module)
        return self._choices

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
        return tr("There is no {name!r}. Known are: {known}.", name=name, known=", ".join(self))

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        dump = core_schema.plain_serializer_function_ser_schema(Choice.model_dump)
        return core_schema.no_info_plain_validator_function(self.validate, serialization=dump)
