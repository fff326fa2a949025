"""What a GraphQL request costs, by the rules of shopify.dev, and the bucket it is paid from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

MOST = 1000
"""A single request may not cost more."""


def requested_cost(schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> int:
    """Objects cost 1, connections and lists as many as `first` says, mutations 10 each."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    def cost(selections: SelectionSetNode | None, type_name: str, times: int) -> int:
        total, found = 0, schema.type_map[type_name]
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                part = fragments[node.name.value]
                total += cost(part.selection_set, part.type_condition.name.value, times)
            elif isinstance(node, InlineFragmentNode):
                of = node.type_condition.name.value if node.type_condition else type_name
                total += cost(node.selection_set, of, times)
            elif isinstance(node, FieldNode) and isinstance(found, GraphQLObjectType):
                inner = get_named_type(found.fields[node.name.value].type)
                if not is_composite_type(inner):
                    continue
                first = _first(node, variables)
                if inner.name.endswith("Connection"):
                    total += cost(node.selection_set, inner.name, first or 1)
                    continue
                count = first or (times if node.name.value in ("nodes", "edges") else 1)
                total += count * (1 + cost(node.selection_set, inner.name, 1))
        return total

    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    is_change = operation.operation is OperationType.MUTATION
    root = "Mutation" if is_change else "Query"
    return cost(operation.selection_set, root, 1) + 10 * is_change * len(operation.selection_set.selections)


def _first(node: FieldNode, variables: dict[str, Any]) -> int | None:
    for argument in node.arguments or ():
        if argument.name.value == "first":
            value = argument.value
            return int(value.value) if isinstance(value, IntValueNode) else int(_variable(value, variables))
    return None


def _variable(value: Any, variables: dict[str, Any]) -> Any:
    assert isinstance(value, VariableNode)
    return variables[value.name.value]


def objects_in(data: Any) -> int:
    """What the answer really held."""
    if isinstance(data, dict):
        return 1 + sum(objects_in(value) for value in data.values())
    return sum(objects_in(value) for value in data) if isinstance(data, list) else 0


class Bucket:
    """Points that come back with time. A request needs what it asked for and pays for what it got."""

    def __init__(self, monotonic: Callable[[], float], most: float = 2000, per_s: float = 100) -> None:
        self.most, self.per_s = most, per_s
        self.throttled = 0
        self._monotonic, self._there, self._at = monotonic, most, monotonic()

    def there(self) -> float:
        now = self._monotonic()
        self._there, self._at = min(self.most, self._there + (now - self._at) * self.per_s), now
        return self._there

    def take(self, points: float) -> None:
        self._there = self.there() - points

    def status(self) -> dict[str, float]:
        return {"maximumAvailable": self.most, "currentlyAvailable": self.there(), "restoreRate": self.per_s}
