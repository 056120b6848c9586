"""Requests as chat templates meet them: seeded, so that each can be had again.

Most are orderly: a system prompt, turns that alternate, tool calls followed by their results, reasoning, parts with images,
in the spelling of one client per conversation (arguments as an object or as JSON, call ids or none, None or "" or nothing for
an empty content). The rest are odd: orderly ones with values of the wrong type, keys left out, messages moved.
"""

import copy
import json

WORDS = ["hello", "世界", "naïve", "😀", "👨‍👩‍👧", "O'Neill", '"quoted"', "<b>", "&amp;", "{{ x }}", "{% if %}", "a\tb", "\n",
         "\n\n", "  ", "tail ", " head", "\\n", "\u2028", "\u00a0", "ß", "Σ", "100%", "%s {} {0}", "<think>", "</think>", "<|im_end|>",
         "<tool_response>", "</tool_response>", "<tool_call>", "[INST]", "``` ", "é", "中文测试，句号。", "\x7f", "\x00", "\u200b",
         "\U0001f1e8\U0001f1f3", "İ"]
NAMES = ["get_weather", "查询", "f", "search.web", "python"]
KEYS = ["city", "城市", "n", "items", "unit"]

# What templates ask for beside messages and tools, and what a server's caller may give for it.
SETTINGS = {
    "enable_thinking": [True, False, None], "thinking": [True, False], "reasoning_effort": ["low", "medium", "high", "none", "max"],
    "date_string": ["1 Jan 2025"], "current_date": ["2026-11-24"], "tools_in_user_message": [True, False], "custom_tools": [None],
    "builtin_tools": [["brave_search", "code_interpreter"]], "xml_tools": [None], "model_identity": ["You are 模型."],
    "documents": [[{"title": "标题", "text": "a\nb"}, {"doc_id": "7", "title": "", "text": ""}], []],
    "response_format": [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}],
    "thinking_budget": [0, 512, 3000, -1], "use_json_tooldef": [True], "preserve_thinking": [True, False],
    "keep_reasoning": [True, False], "drop_thinking": [True, False], "continue_final_message": [True, False],
    "render_assistant_messages_raw": [True], "developer_instruction": ["Be brief."], "platform_instruction_override": ["Rules."],
    "grounding": ["enabled", "disabled"], "skip_thinking": [True, False], "regen_tool_call_ids": [True, False],
    "convert_first_system_msg": [True, False], "enable_citations": [True, False], "developer_preamble": ["Be kind."],
    "clear_thinking": [True, False], "reasoning_mode": ["/think", "/no_think"], "custom_instructions": ["Short answers."],
    "response_schema": [{"type": "object", "properties": {"a": {"type": "string"}}}], "thinking_effort": ["low", "max"],
    "tool_choice": ["auto", "none", "required"], "image_prompts": [["one", "two"]], "keep_past_thinking": [True, False],
    "thinking_mode": ["enabled", "disabled", "adaptive"], "truncate_history_thinking": [True, False], "add_vision_id": [True],
    "include_thinking": [True, False], "num_img_tokens": [4], "num_video_frames": [2], "repeat_tokens": [3],
    "controls": [{"length": "short"}, {"originality": "abstractive"}], "thinking_option": ["on", "off"],
    "knowledge_cutoff": ["2026-01"], "reasoning_strength": ["low", "high"], "is_training": [True], "preserved_thinking": [True],
    "fallback_strategy": ["x"], "add_thoughts": [True, False], "think_render_option": ["lastthink", "all", "none"],
    "default_system_prompt": [True, False], "training_prompt": [True, False], "available_tools": [None],
    "tool_namespace_descriptions": [{"functions": "All of them."}], "strict": [True],
}


def words(dice, most=6):
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(0, most)))


def json_value(dice, depth=0):
    kind = dice.randint(0, 7 if depth < 3 else 5)
    if kind == 0:
        return dice.choice([None, True, False])
    if kind == 1:
        return dice.choice([0, -1, 7, 10**6, 2**53, 2**63 - 1, 2**64, -(10**30)])
    if kind == 2:
        return dice.choice([0.5, -0.0, 1e100, 1e-7, 3.0, 123456.789, 1e16, 0.1, 5e-324, 12345678901234567.0])
    if kind in (3, 4, 5):
        return words(dice, 3)
    if kind == 6:
        return [json_value(dice, depth + 1) for _ in range(dice.randint(0, 3))]
    return {words(dice, 1): json_value(dice, depth + 1) for _ in range(dice.randint(0, 3))}


# ---- tools

def schema(dice, depth=0):
    out = dice.choice([
        {"type": "string"}, {"type": "string", "enum": ["c", "°F", ""]}, {"type": "integer", "enum": [3, 1, 2]},
        {"type": "number", "minimum": -1.5, "maximum": 1e9}, {"type": "boolean", "default": False}, {"type": ["string", "null"]},
        {"type": "string", "default": words(dice, 1), "format": "date", "pattern": "^a+$", "maxLength": 7},
        {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"oneOf": [{"type": "integer", "default": 1}, {"type": "boolean"}]},
        {"type": "array", "items": {"type": "string"}}, {"type": "array"}, {"type": "object"}])
    if depth < 2 and dice.random() < 0.3:
        out = dice.choice([{"type": "array", "items": schema(dice, depth + 1), "minItems": 1},
                           {"type": "object", "properties": {"k": schema(dice, depth + 1), "l": schema(dice, depth + 1)},
                            "required": ["k"], "additionalProperties": dice.choice([False, {"type": "string"}])}])
    if dice.random() < 0.7:
        out["description"] = words(dice)
    if dice.random() < 0.1:
        out |= {"nullable": True, "examples": [json_value(dice)], "title": words(dice, 1)}
    return out


def tool(dice, style):
    properties = {dice.choice(KEYS): schema(dice) for _ in range(dice.randint(0, 3))}
    parameters = {"type": "object", "properties": properties}
    if dice.random() < 0.8:
        parameters["required"] = list(properties)[:dice.randint(0, 2)]
    function = {"name": dice.choice(NAMES), "description": words(dice), "parameters": parameters}
    if dice.random() < 0.1:
        function["return"] = {"type": "string", "description": words(dice)}
    if dice.random() < 0.1:
        function["strict"] = True
    return {"type": "function", "function": function} if style["wrapped"] else function


def tool_call(dice, style, number):
    arguments = {dice.choice(KEYS): json_value(dice) for _ in range(dice.randint(0, 3))}
    function = {"name": dice.choice(NAMES),
                "arguments": json.dumps(arguments, ensure_ascii=dice.random() < 0.3) if style["arguments"] == "text" else arguments}
    if not style["wrapped"]:
        return function
    call = {"type": "function", "function": function}
    return {"id": style["id"].format(number=number, name=function["name"])} | call if style["id"] else call


def tool_result(dice, style, call, number):
    text = dice.choice([words(dice), json.dumps(json_value(dice), ensure_ascii=False)])
    content = text
    if style["results"] == "parts":
        content = [{"type": "text", "text": text}]
    elif style["results"] == "value":
        content = json_value(dice)
    out = {"role": "tool", "content": content}
    if style["id"]:
        out["tool_call_id"] = call.get("id", f"call{number:05d}")
    if style["names"]:
        out["name"] = call.get("function", call).get("name", "f")
    return out


# ---- messages

def media(dice):
    url = "https://example.org/a.png"
    return dice.choice([{"type": "image"}, {"type": "image", "image": url}, {"type": "image_url", "image_url": {"url": url}},
                        {"type": "image", "url": url}, {"type": "video"}, {"type": "video", "video": "v.mp4"}, {"type": "audio"},
                        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                        {"type": "video_url", "video_url": {"url": "v"}}])


def content(dice, style, role):
    if style["content"] == "text":
        return words(dice)
    parts = [{"type": "text", "text": words(dice)} for _ in range(dice.randint(0 if dice.random() < 0.2 else 1, 2))]
    if style["content"] == "media" and role == "user":
        for _ in range(dice.randint(0, 2)):
            parts.insert(dice.randint(0, len(parts)), media(dice))
    return parts


def answer(dice, style):
    out = {"role": "assistant", "content": content(dice, style, "assistant")}
    if style["thinks"] == "inline" and isinstance(out["content"], str):
        out["content"] = "<think>\n" + words(dice) + "\n</think>\n\n" + words(dice)
    elif style["thinks"] == "part":
        text = out["content"] if isinstance(out["content"], str) else words(dice)
        out["content"] = [{"type": "thinking", "thinking": words(dice)}, {"type": "text", "text": text}]
    elif style["thinks"]:
        out[style["thinks"]] = dice.choice([None, "", words(dice), words(dice)])
    return out


def draw_style(dice):
    return {
        "arguments": dice.choice(["object", "object", "text"]), "wrapped": dice.random() < 0.85,
        "id": dice.choice(["call{number:05d}", "call{number:05d}", "functions.{name}:{number}", ""]), "names": dice.random() < 0.6,
        "results": dice.choice(["text"] * 6 + ["parts", "value"]),
        "content": dice.choice(["text"] * 7 + ["parts", "media", "media"]),
        "thinks": dice.choice(["", "", "", "inline", "reasoning_content", "reasoning_content", "reasoning", "thinking", "part"]),
        "silent": dice.choice(["", "", None, "absent"]),
    }


def orderly(dice):
    style = draw_style(dice)
    with_tools = dice.random() < 0.5
    messages = []
    if dice.random() < 0.5:
        messages.append({"role": dice.choice(["system"] * 9 + ["developer"]), "content": content(dice, style, "system")})
    number = 0
    turns = dice.randint(1, 4)
    for turn in range(turns):
        messages.append({"role": "user", "content": content(dice, style, "user")})
        while with_tools and dice.random() < 0.5 and number < 12:
            calls = [tool_call(dice, style, number + i) for i in range(dice.choice([1, 1, 1, 2, 3]))]
            asking = answer(dice, style)
            if style["thinks"] not in ("inline", "part") and dice.random() < 0.6:
                asking["content"] = style["silent"]
                if style["silent"] == "absent":
                    del asking["content"]
            asking["tool_calls"] = calls
            messages.append(asking)
            messages += [tool_result(dice, style, call, number + i) for i, call in enumerate(calls)]
            number += len(calls)
        if turn + 1 < turns or dice.random() < 0.3:
            messages.append(answer(dice, style))
    out = {"messages": messages}
    if dice.random() < 0.9:
        out["add_generation_prompt"] = dice.random() < 0.7
    if with_tools:
        out["tools"] = [tool(dice, style) for _ in range(dice.randint(0 if dice.random() < 0.1 else 1, 3))]
    elif dice.random() < 0.3:
        out["tools"] = dice.choice([None, []])
    return out


ODD = [None, "", " ", "\n", 0, 1, -1.5, True, False, [], {}, [None], [""], {"type": "text"}, [{"type": "text"}],
       [{"type": "unknown", "text": "t"}], [{"text": "no type"}], ["a", "b"], "system", "user", "assistant", "tool", "function", "ipython",
       "observation", "narrator", [[]], {"a": {"b": None}}, "{not json", "null", 2**70]


def places(value, found, inside=None):
    """(container, key) of all that stands in the request, deeply."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        found.append((value, key))
        places(child, found)
    return found


def odd(dice):
    out = orderly(dice)
    for _ in range(dice.randint(1, 3)):
        container, key = dice.choice(places(out, []))
        draw = dice.random()
        if draw < 0.6:
            container[key] = copy.deepcopy(dice.choice(ODD))
        elif draw < 0.8 or isinstance(container, dict):
            if container is not out or key != "messages":
                del container[key]
        elif draw < 0.9:
            container.insert(dice.randint(0, len(container)), copy.deepcopy(container[key]))
        else:
            dice.shuffle(container)
    return out


def conversation(dice, asked_for=()):
    """What apply_chat_template is called with. `asked_for`: the settings that the template mentions."""
    out = odd(dice) if dice.random() < 0.2 else orderly(dice)
    for name in sorted(asked_for):
        if name in SETTINGS and name not in out and dice.random() < 0.25:
            out[name] = copy.deepcopy(dice.choice(SETTINGS[name]))
    return out
