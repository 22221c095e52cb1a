"""What the providers document, as a relay that forwards nothing else would have it written down."""

from conformance.surface import Surface


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


REQUEST_FIELDS = {
    Surface.ANTHROPIC_MESSAGES: _names("""
        model max_tokens messages system stop_sequences stream temperature top_p top_k tools tool_choice thinking
        output_config metadata service_tier speed cache_control container inference_geo diagnostics user_profile_id
        workspace_id context_management mcp_servers fallbacks thread betas
    """),
    Surface.OPENAI_CHAT: _names("""
        messages model audio frequency_penalty presence_penalty logit_bias logprobs top_logprobs max_completion_tokens
        max_tokens metadata modalities moderation n parallel_tool_calls prediction prompt_cache_key
        prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed
        service_tier stop store stream stream_options temperature tool_choice tools top_p user verbosity
        web_search_options functions function_call
    """),
    Surface.OPENAI_RESPONSES: _names("""
        model input instructions max_output_tokens max_tool_calls metadata conversation previous_response_id
        context_management include parallel_tool_calls prompt prompt_cache_key prompt_cache_options
        prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options background
        temperature top_p top_logprobs text tool_choice tools truncation moderation image user client_metadata
    """),
}

NESTED_FIELDS = _names("""
    action allowed_callers annotations arguments audio cache_control call_id citations content context custom data
    defer_loading description detail display eager_input_streaming effort encrypted_content enabled file file_data
    file_id file_url filename format function id image_url index input input_audio input_examples is_error json_schema
    logprobs media_type mode name output parameters phase refusal result role schema search_context_size server_label
    signature source status strict summary text thinking title tool_calls tool_call_id tool_use_id tools ttl type url
    user_location
""")
"""Field names that occur inside messages, input items, content blocks and tools."""

FREE_FORM = _names("input_schema parameters schema metadata input_examples")
"""Fields whose members the user names; so is `input` where it holds an object."""

ANSWER_FIELDS = _names("""
    id type role model content stop_reason stop_sequence stop_details container usage object created choices
    service_tier system_fingerprint created_at completed_at status error incomplete_details instructions
    max_output_tokens max_tool_calls metadata moderation output parallel_tool_calls previous_response_id prompt
    prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier store temperature text
    tool_choice tools top_logprobs top_p truncation user background billing conversation context_management
    diagnostics frequency_penalty presence_penalty obfuscation output_text
""")

NEWER_FIELDS = _names("""
    access_programs billing_policy compaction container context_management diagnostics fallbacks image inference_geo
    mcp_servers moderation output_config prompt_cache_options service_tier speed thread user_profile_id verbosity
""")
"""Request fields that came after most gateways had been written."""

PLAIN_TYPES = _names("""
    text image image_url input_text input_image output_text refusal message
    thinking redacted_thinking reasoning tool_use tool_result function_call function_call_output
""")
"""Blocks and items that everybody uses."""

EVENT_TYPES = _names("""
    message_start content_block_start content_block_delta content_block_stop message_delta message_stop ping error
    response.created response.queued response.in_progress response.completed response.incomplete response.failed
    response.output_item.added response.output_item.done response.content_part.added response.content_part.done
    response.output_text.delta response.output_text.done response.output_text.annotation.added
    response.refusal.delta response.refusal.done response.reasoning_text.delta response.reasoning_text.done
    response.reasoning_summary_part.added response.reasoning_summary_part.done
    response.reasoning_summary_text.delta response.reasoning_summary_text.done
    response.function_call_arguments.delta response.function_call_arguments.done
    response.custom_tool_call_input.delta response.custom_tool_call_input.done
""")
