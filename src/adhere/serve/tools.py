"""Tools of a request, and whether the model has to call one."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from adhere.serve.body import Body
from adhere.serve.form import NAME, Asker, Object, of_schema
from adhere.serve.order import Calling, Refusal, Tool

NO_PARAMETERS: Object = {"type": "object", "properties": {}, "additionalProperties": False}
"""Of a tool that names none. Source: OpenAI's API reference."""


class Function(Body):
    """A function that the model may call."""

    name: str = Field(pattern=NAME)
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None
    """Either way the arguments obey."""


class ToolBody(Body):
    """A tool; functions are the only kind."""

    type: Literal["function"]
    function: Function


class ChosenFunction(Body):
    """The function that is to be called."""

    name: str


class NamedChoice(Body):
    """A call of one tool."""

    type: Literal["function"]
    function: ChosenFunction


Choice: TypeAlias = Literal["none", "auto", "required"] | NamedChoice
Tools: TypeAlias = Annotated[list[ToolBody], Field(max_length=128)]


async def calling(tools: Sequence[ToolBody], choice: Choice | None, asker: Asker) -> Calling | None:
    """Return what calls are wanted; `None` where none is allowed.

    Raises:
        Refusal: The choice names no tool, two tools have one name, or parameters are refused.
    """
    if choice == "none" or (choice is None and not tools):
        return None
    if not tools:
        raise Refusal(
            400, "tool_choice: there are no tools. Give tools, or leave it out.", param="tool_choice"
        )
    names = [tool.function.name for tool in tools]
    for place, name in enumerate(names):
        if name in names[:place]:
            at = f"tools[{place}].function.name"
            raise Refusal(400, f"{at} = {name!r}: another tool is called so too. Rename one.", param=at)
    if isinstance(choice, NamedChoice) and choice.function.name not in names:
        at = "tool_choice.function.name"
        message = f"{at} = {choice.function.name!r}: there is no such tool. Use one of {', '.join(names)}."
        raise Refusal(400, message, param=at)
    wanted = Calling(
        tools=tuple(
            [
                await _tool(tool, asker, place=place)
                for place, tool in enumerate(tools)
                if not isinstance(choice, NamedChoice) or tool.function.name == choice.function.name
            ]
        ),
        must=choice not in (None, "auto"),
    )
    await asker.compiler.admit(wanted, param="tools", client=asker.client)
    return wanted


async def _tool(tool: ToolBody, asker: Asker, *, place: int) -> Tool:
    function = tool.function
    given = NO_PARAMETERS if function.parameters is None else function.parameters
    at = f"tools[{place}].function.parameters"
    obeying = await of_schema(given, None, asker, name=function.name, at=at)
    return Tool(name=function.name, description=function.description or "", parameters=obeying.schema)
