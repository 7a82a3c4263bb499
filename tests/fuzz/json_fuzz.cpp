// JSON into reflected structs and back: nothing escapes, and what was read once is read the same again.
#include <noetl/reflect/json.hpp>
#include <noetl/reflect/json_value.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/demand.hpp"

namespace {

struct leaf {
   std::int64_t id = 0;
   std::optional<double> weight{};
   bool done = false;
};
struct tree {
   std::string name;
   std::vector<leaf> leaves{};
   std::map<std::string, std::string> labels{};
   noetl::raw_json rest{};
   std::optional<std::int32_t> count{};
   using json_rules = noetl::rules<noetl::defaulted<"leaves", "labels", "rest">, noetl::omit_empty<"labels">,
                                   noetl::alias<"name", "title">>;
};

/// Reads T; when that works, writing and reading again must give the same text.
template <class T>
void round(std::string_view text) {
   auto const first = noetl::from_json<T>(text);
   if (!first) {
      noetl::test::demand(!first.error().message.empty(), "a refusal says why");
      return;
   }
   auto const written = noetl::to_json(*first);
   auto const second = noetl::from_json<T>(written);
   noetl::test::demand(second.has_value(), "what we write we can read");
   noetl::test::demand(noetl::to_json(*second) == written, "it is the same again");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
   std::string_view const text(reinterpret_cast<char const*>(data), size);
   round<tree>(text);
   round<std::vector<leaf>>(text);
   round<tao::json::value>(text);
   round<noetl::raw_json>(text);
   round<std::string>(text);
   round<double>(text);
   return 0;
}
