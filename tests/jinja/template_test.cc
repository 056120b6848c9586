#include "jinja/template.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"

namespace ciyuan::jinja {
namespace {

/// The text, or "error: line N: message".
std::string render(std::string_view source, std::string_view globals = "{}",
                   const RenderOptions& options = {}) {
  Result<Template> compiled = Template::compile(source);
  if (!compiled.ok()) return "error: " + compiled.error().text();
  Heap heap;
  Result<Value> values = parse_value(globals, heap);
  if (!values.ok()) return "bad globals: " + values.error().text();
  std::vector<Global> named;
  for (const Entry& entry : values->entries()) named.push_back({entry.key.text(), entry.value});
  std::string out;
  const Status status = compiled->render(std::span<const Global>(named), heap, out, options);
  return status.ok() ? out : "error: " + status.error().text();
}

std::string error_of(std::string_view source, std::string_view globals = "{}") {
  const std::string out = render(source, globals);
  return out.starts_with("error: ") ? out.substr(7) : "no error, but: " + out;
}

TEST(Template, renders_the_example_of_its_header) {
  Result<Template> chat =
      Template::compile("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}");
  ASSERT_TRUE(chat.ok());
  Heap heap;
  Result<Value> messages = parse_value(R"([{"role": "user", "content": "hi"}])", heap);
  ASSERT_TRUE(messages.ok());
  std::string prompt;
  ASSERT_TRUE(chat->render({{"messages", *messages}}, heap, prompt).ok());
  EXPECT_EQ(prompt, "<user>hi");
  EXPECT_TRUE(chat->mentions("messages"));
  EXPECT_FALSE(chat->mentions("tools"));
}

TEST(Template, trims_the_line_end_after_a_block_and_the_blanks_before_it) {
  EXPECT_EQ(render("a\n  {% if true %}\nb\n  {% endif %}\nc"), "a\nb\nc");
  EXPECT_EQ(render("a {%- if true -%} b {%- endif %} c"), "ab c");
  EXPECT_EQ(render("{{ 1 }}\n{{ 2 }}\n"), "1\n2");
}

TEST(Template, keeps_a_loops_variables_inside_it_and_a_namespaces_outside) {
  EXPECT_EQ(render("{% set x = 1 %}{% for i in [2, 3] %}{% set x = i %}{% endfor %}{{ x }}"), "1");
  EXPECT_EQ(render("{% set n = namespace(x=1) %}{% for i in [2, 3] %}{% set n.x = i %}{% endfor %}{{ n.x }}"),
            "3");
}

TEST(Template, takes_a_name_it_sets_for_its_own_from_the_start) {
  const char* given = R"({"a": "given"})";
  EXPECT_EQ(render("{% for i in [1] %}{{ a }}{% endfor %}{% set a = 1 %}{{ a }}", given), "1");
  EXPECT_EQ(render("{{ a }}{% for i in [1] %}{{ a }}{% endfor %}{% set a = 1 %}{{ a }}", given),
            "givengiven1");
  EXPECT_EQ(
      render("{% for i in [1] %}{{ a }}{% endfor %}{% if true %}{% set a = 1 %}{% endif %}{{ a }}", given),
      "given1");
  const std::string inner = "{% for j in [1] %}<{{ a }}>{% endfor %}{% set a = 2 %}{{ a }}";
  EXPECT_EQ(
      render("{% for i in [1] %}" + inner + "{% endfor %}{% macro m() %}" + inner + "{% endmacro %}{{ m() }}",
             given),
      "<>2<>2");
  EXPECT_EQ(render("{{ a }}{% for i in [1] %}" + inner + "{% endfor %}", given), "given<given>2");
}

TEST(Template, gives_loops_their_variable_and_their_controls) {
  EXPECT_EQ(render("{% for i in range(3) %}{{ loop.index }}{{ loop.first }}{{ loop.last }} {% endfor %}"),
            "1TrueFalse 2FalseFalse 3FalseTrue ");
  EXPECT_EQ(render("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}"
                   "{% endif %}{{ i }}{% else %}none{% endfor %}"),
            "02");
  EXPECT_EQ(render("{% for i in [] %}x{% else %}none{% endfor %}"), "none");
}

TEST(Template, calls_macros_with_defaults_and_names) {
  EXPECT_EQ(
      render("{% macro m(a, b='x') %}{{ a }}{{ b }};{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}"),
      "1x;12;43;");
  EXPECT_EQ(error_of("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}"),
            "line 1: macro 'm' takes not more than 1 argument(s)");
}

TEST(Template, hands_what_a_macro_does_not_name_to_those_that_ask) {
  EXPECT_EQ(render("{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k=4) }}"),
            "1(2, 3){'k': 4}");
  EXPECT_EQ(render("{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1], **{'b': 2}) }}"), "12");
  EXPECT_EQ(error_of("{% macro m(a) %}{% endmacro %}{{ m(a=1, **{'a': 2}) }}").substr(0, 6), "line 1");
  EXPECT_EQ(error_of("{{ dict(**1) }}"), "line 1: what stands behind ** must be a mapping");
}

TEST(Template, calls_back_the_block_of_a_call) {
  EXPECT_EQ(render("{% macro m(x) %}<{{ caller(x) }}|{{ caller(2) }}>{% endmacro %}"
                   "{% call(i) m(1) %}{{ i }}!{% endcall %}"),
            "<1!|2!>");
  EXPECT_EQ(error_of("{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}"),
            "line 1: macro 'm' takes no keyword argument 'caller'");
  EXPECT_EQ(error_of("{% for i in [1] %}{% call m() %}{% break %}{% endcall %}{% endfor %}"),
            "line 1: break outside of a loop");
}

TEST(Template, walks_a_tree_by_a_recursive_loop) {
  const char* tree = R"({"t": [{"n": 1, "c": [{"n": 2, "c": []}, {"n": 3, "c": []}]}]})";
  EXPECT_EQ(render("{% for i in t recursive %}{{ loop.depth }}:{{ i.n }}({{ loop(i.c) }}){% endfor %}", tree),
            "1:1(2:2()2:3())");
  EXPECT_EQ(error_of("{% for i in t %}{{ loop(i.c) }}{% endfor %}", tree),
            "line 1: a loop must be 'recursive' to be called");
  EXPECT_EQ(render("{% for i in [1, 1, 2] %}{{ loop.changed(i) }} {% endfor %}"), "True False True ");
}

TEST(Template, formats_as_python_does) {
  EXPECT_EQ(render("{{ '{}|{:>4}|{:,.1f}|{a[0]!r}'.format(1, 'x', 1234.56, a=['b']) }}"),
            "1|   x|1,234.6|'b'");
  EXPECT_EQ(render("{{ '%s|%05d|%-4s|%.1f' % ('a', -42, 'b', 2.25) }}"), "a|-0042|b   |2.2");
  EXPECT_EQ(render("{{ '%(k)s' % {'k': 1} }} {{ '%s %s' | format(1, 2) }}"), "1 1 2");
  EXPECT_EQ(error_of("{{ '{}'.format() }}"), "line 1: format: there are not as many values as fields");
  EXPECT_EQ(error_of("{{ '%s' % (1, 2) }}"), "line 1: not all arguments converted during string formatting");
  EXPECT_EQ(error_of("{{ '%d' % 'a' }}"), "line 1: a format that needs a number");
}

TEST(Template, prints_a_range_as_one) {
  EXPECT_EQ(render("{{ range(3) }} {{ range(9)[1:7:2] }} {{ range(2) | list }} {{ range(5).stop }}"),
            "range(0, 3) range(1, 7, 2) [0, 1] 5");
}

TEST(Template, prints_values_as_python_does) {
  EXPECT_EQ(render("{{ x }}", R"({"x": [1, 2.0, true, null, "a'b", {"k": "v\n"}, 1e100]})"),
            R"([1, 2.0, True, None, "a'b", {'k': 'v\n'}, 1e+100])");
  EXPECT_EQ(render("{{ (1,) }}{{ () }}{{ none }}{{ x }}"), "(1,)()None");
}

TEST(Template, writes_json_as_transformers_does) {
  const char* value = R"({"x": {"b": [1, 2.5, null], "a": "中\u0001\"<", "e": {}}})";
  EXPECT_EQ(render("{{ x | tojson }}", value), R"({"b": [1, 2.5, null], "a": "中\u0001\"<", "e": {}})");
  EXPECT_EQ(render("{{ x | tojson(indent=2) }}", value),
            "{\n  \"b\": [\n    1,\n    2.5,\n    null\n  ],\n  \"a\": \"中\\u0001\\\"<\",\n  \"e\": {}\n}");
  EXPECT_EQ(render("{{ x.a | tojson(ensure_ascii=true) }}", value), R"("\u4e2d\u0001\"<")");
  EXPECT_EQ(render("{{ x.b | tojson(separators=(',', ':')) }}", value), "[1,2.5,null]");
  EXPECT_EQ(render("{{ x }}", R"({"x": 123456789012345678901234567890})"), "123456789012345678901234567890");
  EXPECT_EQ(error_of("{{ nothing | tojson }}").substr(0, 6), "line 1");
}

TEST(Template, keeps_the_order_of_keys_and_the_last_of_repeated_ones) {
  EXPECT_EQ(render("{{ x | tojson }}", R"({"x": {"z": 1, "a": 2, "z": 3}})"), R"({"z": 3, "a": 2})");
}

TEST(Template, finds_a_dictionarys_method_before_its_key) {
  EXPECT_EQ(
      render("{% for k, v in x.items() %}{{ k }}={{ v }};{% endfor %}", R"({"x": {"items": 1, "b": 2}})"),
      "items=1;b=2;");
  EXPECT_EQ(render("{{ x['items'] }}", R"({"x": {"items": 1}})"), "1");
}

TEST(Template, counts_text_in_code_points) {
  EXPECT_EQ(
      render("{{ x | length }} {{ x[1] }} {{ x[::-1] }} {{ x[-1:] }} {{ x.find('b') }}", R"({"x": "中😀b"})"),
      "3 😀 b😀中 b 2");
}

TEST(Template, changes_nothing_that_it_is_given) {
  EXPECT_EQ(error_of("{{ x.append(1) }}", R"({"x": []})").substr(0, 6), "line 1");
  EXPECT_EQ(error_of("{{ x.update({}) }}", R"({"x": {}})").substr(0, 6), "line 1");
}

TEST(Template, computes_as_python_does) {
  EXPECT_EQ(render("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 'ab' * 2 }} {{ 1 ~ "
                   "2 + 'x' }}"),
            "-4 2 3.5 1024 0.5 abab 12x");
  EXPECT_EQ(error_of("{{ 1 // 0 }}").substr(0, 6), "line 1");
  EXPECT_EQ(error_of("{{ 9223372036854775807 + 1 }}"), "line 1: an integer beyond 64 bits");
}

TEST(Template, names_what_is_undefined) {
  EXPECT_EQ(error_of("\n{{ messages[0].content.text }}", R"({"messages": [{}]})"),
            "line 2: 'messages[0].content' is undefined");
  EXPECT_EQ(render("{{ nothing }}{{ nothing is defined }}{{ nothing | default('d') }}"), "Falsed");
}

TEST(Template, hands_on_what_a_template_raises) {
  EXPECT_EQ(error_of("a\n{% if true %}{{ raise_exception('roles must alternate') }}{% endif %}"),
            "line 2: roles must alternate");
}

TEST(Template, prints_the_date_it_is_told) {
  RenderOptions options;
  options.now_seconds = 1'763'942'400;  // 2025-11-24 00:00:00 UTC
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y') }}", "{}", options), "24 Nov 2025");
}

TEST(Template, refuses_what_it_does_not_know_with_its_line) {
  EXPECT_EQ(error_of("\n\n{% import 'x' as y %}"), "line 3: unknown or unsupported block 'import'");
  EXPECT_EQ(error_of("{% if true %}").substr(0, 6), "line 1");
  EXPECT_EQ(error_of("{{ 1 | nosuchfilter }}"), "line 1: no filter named 'nosuchfilter'");
  EXPECT_EQ(error_of("{{ 1 is nosuchtest }}"), "line 1: no test named 'nosuchtest'");
}

// ---- limits

ErrorCode code_of(std::string_view source, const Limits& limits = {},
                  std::size_t heap_bytes_max = Heap::kBytesMaxDefault) {
  Result<Template> compiled = Template::compile(source);
  if (!compiled.ok()) return compiled.error().code;
  Heap heap(heap_bytes_max);
  std::string out;
  RenderOptions options;
  options.limits = limits;
  const Status status = compiled->render({}, heap, out, options);
  return status.ok() ? ErrorCode::kInternal : status.error().code;
}

TEST(Limits, stop_what_runs_too_long) {
  EXPECT_EQ(code_of("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"),
            ErrorCode::kTooLarge);
}

TEST(Limits, stop_what_writes_or_holds_too_much) {
  EXPECT_EQ(code_of("{% set n = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set n.x = n.x + n.x "
                    "%}{% endfor %}"),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% set n = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x "
                    "%}{% endfor %}"),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ 'x' * 99999999999 }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% "
                    "endfor %}{{ n.x }}"),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ 'x'.replace('', 'y' * 1000).replace('y', 'z' * 100000) }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ '{:999999999}'.format(1) }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ '{:.999999999f}'.format(1.5) }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ '%999999999s' % 1 }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ '%*d' % (999999999, 1) }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ '%.999999999d' % 1 }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{{ '{:99999999999999999999}'.format(1) }}"), ErrorCode::kInvalid);
  EXPECT_EQ(code_of("{% macro m() %}{{ varargs | length }}{% endmacro %}{% for i in range(1000) %}"
                    "{{ m(*range(100000)) }}{% endfor %}"),
            ErrorCode::kTooLarge);
  Limits small;
  small.output_bytes_max = 10;
  EXPECT_EQ(code_of("{% for i in range(11) %}x{% endfor %}", small), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% for i in range(10000) %}{% set x = [i, i] %}{% endfor %}", {}, 100'000),
            ErrorCode::kTooLarge);
}

TEST(Limits, stop_what_nests_too_deeply) {
  EXPECT_EQ(code_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}"
                    "{% call m() %}{% endcall %}"),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% set f = '{:{:{:{:{}}}}}' %}{{ f.format(1, 2, 3, 4, 5) }}"), ErrorCode::kInvalid);
  EXPECT_FALSE(Template::compile("{{ " + std::string(100'000, '(') + "1").ok());
  EXPECT_FALSE(Template::compile("{{ " + std::string(100'000, '[') + "1").ok());
  EXPECT_FALSE(Template::compile("{{ " + std::string(100'000, '-') + "1 }}").ok());
  std::string nots = "{{ ";
  for (int i = 0; i < 100'000; ++i) nots += "not ";
  EXPECT_FALSE(Template::compile(nots + "1 }}").ok());
  EXPECT_EQ(
      code_of(
          "{% set n = namespace(x=1) %}{% for i in range(5000) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}"),
      ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% set n = namespace(x=1) %}{% for i in range(5000) %}{% set n.x = [n.x] %}{% endfor %}"
                    "{{ n.x | tojson }}"),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("{% set n = namespace(x=1, y=1) %}{% for i in range(5000) %}{% set n.x = [n.x] %}"
                    "{% set n.y = [n.y] %}{% endfor %}{{ n.x == n.y }}"),
            ErrorCode::kTooLarge);
}

TEST(Limits, let_no_template_take_long_to_compile) {
  // The names of each branch move up through all that are around it.
  std::string branches;
  for (int i = 0; i < 30'000; ++i) branches += "{% set a" + std::to_string(i) + " = 1 %}";
  std::string nested = branches;
  for (int i = 0; i < 150; ++i) nested = "{% if x %}" + nested + "{% endif %}";
  EXPECT_TRUE(Template::compile(nested).ok());
}

TEST(Limits, refuse_a_template_of_more_than_a_mebibyte) {
  EXPECT_EQ(Template::compile(std::string(kTemplateBytesMax + 1, 'a')).error().code, ErrorCode::kTooLarge);
}

TEST(Template, may_be_rendered_by_several_threads_at_once) {
  Result<Template> compiled = Template::compile("{% for i in range(n) %}{{ loop.index }}{% endfor %}");
  ASSERT_TRUE(compiled.ok());
  std::string expected[4], got[4];
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    for (int j = 1; j <= 500 * (i + 1); ++j) expected[i] += std::to_string(j);
    threads.emplace_back([&, i] {
      Heap heap;
      const Status status = compiled->render({{"n", Value::integer(500 * (i + 1))}}, heap, got[i]);
      if (!status.ok()) got[i] = status.error().text();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(got[i], expected[i]);
}

TEST(Heap, can_be_used_again_after_it_was_cleared) {
  Heap heap;
  for (int i = 0; i < 3; ++i) {
    Result<Value> value = parse_value(R"({"a": [1, "two"]})", heap);
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->get("a").items()[1].text(), "two");
    heap.clear();
    EXPECT_EQ(heap.used_bytes(), 0u);
  }
}

TEST(ParseValue, refuses_what_is_no_json) {
  Heap heap;
  for (const char* text :
       {"",    " ",   "{",       "[1,]",  "{\"a\"}",    "01",       "-",
        "1 2", "nul", "\"\\x\"", "[1] x", "{\"a\":1,}", "\"\xff\"", "+1",
        "1.",  ".5",  "NaN",     "-0x1",  "00",         "--1",      "12345678901234567890x"}) {
    EXPECT_FALSE(parse_value(text, heap).ok()) << text;
  }
  EXPECT_FALSE(parse_value(std::string(2000, '['), heap).ok());
  Heap small(1000);
  EXPECT_EQ(parse_value("[" + std::string(2000, ' ') + "]", small).error().code, ErrorCode::kTooLarge);
}

TEST(ParseValue, reads_scalars_and_every_kind_of_number) {
  Heap heap;
  EXPECT_EQ(parse_value("-9223372036854775808", heap)->as_integer(), INT64_MIN);
  EXPECT_EQ(parse_value(" 9223372036854775808 ", heap)->text(), "9223372036854775808");
  EXPECT_EQ(parse_value("1e3", heap)->as_real(), 1000.0);
  EXPECT_EQ(parse_value("\"\\ud83d\\ude00\"", heap)->text(), "😀");
  EXPECT_TRUE(parse_value("null", heap)->is(Kind::kNone));
  EXPECT_TRUE(parse_value("true", heap)->as_boolean());
}

// ---- the templates we ship

std::string shipped(std::string_view name) {
  Result<std::string> text =
      read_file(std::string(CIYUAN_SOURCE_DIR) + "/data/templates/" + std::string(name), kTemplateBytesMax);
  return text.ok() ? std::move(text).value() : "unreadable";
}

TEST(ShippedTemplates, render_a_short_conversation) {
  const char* globals =
      R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": " 你好 "}],
                            "add_generation_prompt": true, "bos_token": "<b>", "eos_token": "<e>"})";
  EXPECT_EQ(render(shipped("smollm2.jinja"), globals),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n 你好 <|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render(shipped("qwen3.jinja"), globals),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n 你好 <|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render(shipped("deepseek_v3.jinja"), globals), "<b>S<｜User｜> 你好 <｜Assistant｜>");
  EXPECT_EQ(render(shipped("llama3.jinja"), globals),
            "<b><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_"
            "id|>\n\n"
            "你好<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ShippedTemplates, render_the_newer_models_formats) {
  const char* globals =
      R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": " 你好 "}],
                            "add_generation_prompt": true, "bos_token": "<b>", "eos_token": "<e>"})";
  RenderOptions options;
  options.now_seconds = 1'763'942'400;
  EXPECT_EQ(
      render(shipped("o200k_harmony.jinja"), globals, options),
      "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
      "Knowledge cutoff: 2024-06\nCurrent date: 2025-11-24\n\nReasoning: medium\n\n"
      "# Valid channels: analysis, commentary, final. Channel must be included for every message.<|end|>"
      "<|start|>developer<|message|># Instructions\n\nS\n\n<|end|>"
      "<|start|>user<|message|> 你好 <|end|><|start|>assistant");
  EXPECT_EQ(
      render(shipped("qwen3.5.jinja"), globals),
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n<think>\n");
  EXPECT_EQ(render(shipped("deepseek_v4.jinja"), globals), "<b>S<｜User｜> 你好 <｜Assistant｜></think>");
  EXPECT_EQ(render(shipped("llama4.jinja"), globals),
            "<b><|header_start|>system<|header_end|>\n\nS<|eot|><|header_start|>user<|header_end|>\n\n"
            " 你好 <|eot|><|header_start|>assistant<|header_end|>\n\n");
}

TEST(ShippedTemplates, put_tools_in_the_order_of_the_request) {
  const std::string out = render(shipped("qwen2.5.jinja"), R"({"messages": [{"role": "user", "content": "u"}],
      "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}]})");
  EXPECT_NE(
      out.find(R"({"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}})"),
      std::string::npos)
      << out;
}

}  // namespace
}  // namespace ciyuan::jinja
