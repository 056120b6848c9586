#pragma once

/// Shell completion, made from the program's own tree of subcommands and options: it cannot fall behind.

#include <CLI/CLI.hpp>
#include <string>

namespace ciyuan::cli {

/// `shell` is "bash", "zsh" or "fish".
std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace ciyuan::cli
