"""Resolvers of declared fields, as Strawberry wants them: functions whose signatures have the fields' arguments."""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any

import strawberry

from reads.origins import Computed, Known, Reads


def resolver_of(reads: Reads | None, arguments: Mapping[str, tuple[Any, Any]]) -> Callable[..., Any]:
    """What answers for a field on the reference way; `arguments` are annotation and default by Python name."""

    def resolver(self: Any, info: Any, **given: Any) -> Any:
        if isinstance(reads, Computed):
            return reads.make(self, info, **given)
        if isinstance(reads, Known):
            return reads.make(info.context.engine.facts, **given)
        raise RuntimeError("declared fields are resolved by reads.reference")

    parameters = [
        Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info),
        *(
            Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in arguments.items()
        ),
    ]
    vars(resolver)["__signature__"] = Signature(parameters)
    annotations = {name: annotation for name, (annotation, _) in arguments.items()}
    resolver.__annotations__ = {"info": strawberry.Info, **annotations}
    return resolver
