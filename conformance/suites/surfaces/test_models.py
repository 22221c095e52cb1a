"""Model lists."""

from typing import cast

from conformance.api import ChatClient, Client, MessagesClient, Mode, check

BOTH = (Mode.ASYNC, Mode.SYNC)


@check("models/list", requirement="models-readable", feature="models", modes=BOTH, catches=("breaks-model-lists",))
async def test_the_sdk_can_read_the_list_of_models(client: Client) -> None:
    assert await cast("ChatClient | MessagesClient", client).models()


@check("models/unchanged", requirement="models-are-the-providers", feature="models", catches=("invents-models",))
async def test_the_list_is_that_of_the_provider(client: Client, control: Client) -> None:
    lists = [await cast("ChatClient | MessagesClient", each).models() for each in (client, control)]
    assert lists[0] == lists[1], f"{lists[0]} in place of {lists[1]}"


@check("models/names", requirement="models-name-what-is-served", feature="models", catches=("invents-models",))
async def test_the_list_names_the_model_that_is_served(client: Client) -> None:
    assert client.door.model in await cast("ChatClient | MessagesClient", client).models()
