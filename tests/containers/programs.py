"""What runs inside client containers: their Python has the official SDKs and nothing of ours."""

CONVERSATION = '''
"""Each SDK asks, is told to call a tool, hands in the result and reads the answer; both streamed."""
import json, os, socket
import anthropic, httpx2, openai

SOCKET = os.environ.get("GATEWAY_SOCKET")
CITY = {"city": {"type": "string"}}
SCHEMA = {"type": "object", "properties": CITY, "required": ["city"], "additionalProperties": False}


def told(events, name, arguments, said):
    return {"called": name, "with": arguments, "events": len(events), "said": said}


def sdk(kind):
    return kind(http_client=httpx2.Client(transport=httpx2.HTTPTransport(uds=SOCKET))) if SOCKET else kind()


def by_openai(prompt):
    messages = [{"role": "user", "content": prompt}]
    tool = {"type": "function", "function": {"name": "weather", "strict": True, "parameters": SCHEMA}}

    def turn():
        with sdk(openai.OpenAI).chat.completions.stream(model="gpt-5-mini", messages=messages, tools=[tool]) as stream:
            events = [event.type for event in stream]
            return events, stream.get_final_completion().choices[0].message

    events, said = turn()
    (call,) = said.tool_calls
    function = {"name": call.function.name, "arguments": call.function.arguments}
    messages.append({"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": function}]})
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "rain"})
    return told(events, call.function.name, json.loads(call.function.arguments), turn()[1].content)


def by_anthropic(prompt):
    messages = [{"role": "user", "content": prompt}]
    tool = {"name": "weather", "input_schema": SCHEMA}

    def turn():
        asked = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": messages, "tools": [tool]}
        with sdk(anthropic.Anthropic).messages.stream(**asked) as stream:
            events = [event.type for event in stream]
            return events, stream.get_final_message()

    events, said = turn()
    (call,) = [block for block in said.content if block.type == "tool_use"]
    messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in said.content]})
    messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]})
    return told(events, call.name, call.input, turn()[1].content[0].text)


both = {"openai": by_openai(os.environ["PROMPT_OPENAI"]), "anthropic": by_anthropic(os.environ["PROMPT_ANTHROPIC"])}
print(json.dumps(both | {"interfaces": [name for _, name in socket.if_nameindex()]}))
'''

STRAIGHT_TO_THE_PROVIDERS = '''
"""What a client does that nobody has told of a gateway."""
import json
import anthropic, httpx2, openai

failures = []
for ask in (
    lambda: openai.OpenAI(api_key="sk-x", max_retries=0, timeout=20).models.list(),
    lambda: anthropic.Anthropic(api_key="sk-x", max_retries=0, timeout=20).models.list(),
    lambda: httpx2.get("http://generativelanguage.googleapis.com/v1beta/models?key=AIza-x", timeout=20),
    lambda: httpx2.get("https://203.0.113.1/", timeout=3),
):
    try:
        ask()
    except (openai.APIConnectionError, anthropic.APIConnectionError, httpx2.TransportError) as error:
        failures.append(type(error).__name__)
print(json.dumps(failures))
'''
