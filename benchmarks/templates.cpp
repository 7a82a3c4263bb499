// Templates of playbooks rendered from the cache, against the same texts assembled by hand from the same variables (the
// limit) and against parsing each time (the rejected way, printed first). Before that the processor time that hostile
// templates and documents cost until they are refused (goals 13: 50 ms). No services.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/template.hpp>

#include "rates.hpp"
#include "workflow/hostile.hpp"

namespace {

using namespace noetl::workflow;
using noetl::bench::median;
using noetl::bench::rate;
using tao::json::value;

constexpr char variables_text[] =
    R"({"city":"Oslo","threshold":12.5,"limit":50,"execution_id":"478775660589088776",)"
    R"("fetch":{"data":{"count":4,"items":[{"city":"Oslo","temperature":-3.5},{"city":"Paris","temperature":6.25},)"
    R"({"city":"Tokyo","temperature":9.125}]}}})";

/// What playbooks hold: an URL, a statement, a condition with a default, a list in a loop.
std::vector<std::string> sources() {
   return {
       "https://api.example.org/v1/forecast?city={{ city }}&limit={{ limit }}&run={{ execution_id }}",
       "INSERT INTO weather (city, rows) VALUES ('{{ city | upper }}', {{ fetch.data.count + 1 }})",
       "{{ fetch.data.count > 3 and threshold | default(10) > 12 }}",
       "{% for item in fetch.data.items %}{{ item.city }}={{ item.temperature }}{% if not loop.last %};{% endif %}{% "
       "endfor %}",
   };
}

std::string upper(std::string text) {
   std::transform(text.begin(), text.end(), text.begin(),
                  [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
   return text;
}

std::string by_hand(std::size_t which, value const& v) {
   auto const& data = v.at("fetch").at("data");
   switch (which) {
   case 0:
      return "https://api.example.org/v1/forecast?city=" + v.at("city").get_string() +
             "&limit=" + std::to_string(v.at("limit").as<std::int64_t>()) + "&run=" + v.at("execution_id").get_string();
   case 1:
      return "INSERT INTO weather (city, rows) VALUES ('" + upper(v.at("city").get_string()) + "', " +
             std::to_string(data.at("count").as<std::int64_t>() + 1) + ")";
   case 2: return data.at("count").as<std::int64_t>() > 3 && v.at("threshold").get_double() > 12 ? "true" : "false";
   default: {
      std::string out;
      for (auto const& item : data.at("items").get_array()) {
         if (!out.empty()) out += ';';
         out += item.at("city").get_string() + "=" + detail::float_text(item.at("temperature").get_double());
      }
      return out;
   }
   }
}

std::size_t consumed = 0; // what the compiler must not drop

/// Milliseconds of processor time of one call; the smallest of five.
template <class F>
double processor_ms(F const& work) {
   double least = 1e9;
   for (int i = 0; i < 5; ++i) {
      auto const start = std::clock();
      if (work()) std::abort(); // it was to be refused
      least = std::min(least, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
   }
   return least;
}

/// Prints the two worst of these texts, and how many there are.
template <class F>
void print_worst(char const* what, std::vector<std::string> const& texts, F const& accepted) {
   std::vector<std::pair<double, std::string>> all;
   for (auto const& text : texts)
      all.emplace_back(processor_ms([&] { return accepted(text); }),
                       text.substr(0, 40) + "... (" + std::to_string(text.size()) + " bytes)");
   std::sort(all.rbegin(), all.rend());
   for (std::size_t i = 0; i < 2; ++i)
      std::printf("hostile %s: %zu, refused after %.1f ms: %s\n", what, all.size(), all[i].first,
                  all[i].second.c_str());
}

} // namespace

int main() {
   auto const variables = *detail::parse_json(variables_text);
   auto const all = sources();
   context vars;
   vars.layer(variables);
   template_engine engine;

   // Each side answers with the number of texts, for their rate.
   auto const render = [&](template_engine& with) {
      for (auto const& source : all) {
         auto const text = with.render_text(source, vars);
         if (!text) std::abort();
         consumed += text->size();
      }
      return all.size();
   };
   auto const cached = [&] { return render(engine); };
   auto const parsed = [&] {
      template_engine fresh;
      return render(fresh);
   };
   auto const assembled = [&] {
      for (std::size_t i = 0; i < all.size(); ++i) consumed += by_hand(i, variables).size();
      return all.size();
   };

   // Both sides must say the same before their speed means anything.
   for (std::size_t i = 0; i < all.size(); ++i) {
      auto const text = engine.render_text(all[i], vars);
      if (!text || *text != by_hand(i, variables)) {
         std::printf("text %zu differs: %s\n", i, text ? text->c_str() : text.error().message.c_str());
         return 1;
      }
   }

   auto const few = *detail::parse_json(workflow_test::hostile_variables);
   context hostile_vars;
   hostile_vars.layer(few);
   print_worst("templates", workflow_test::hostile_templates(), [&](std::string const& text) {
      template_engine fresh; // parsing counts
      return fresh.render_text(text, hostile_vars).has_value();
   });
   print_worst("documents", workflow_test::hostile_documents(),
               [](std::string const& text) { return yaml_to_json(text).has_value(); });

   std::vector<double> ours, limit, ratios, parsing;
   rate(cached, 0.05), rate(assembled, 0.05);
   for (int pair = 0; pair < 9; ++pair) {
      ours.push_back(rate(cached));
      limit.push_back(rate(assembled));
      ratios.push_back(ours.back() / limit.back());
      parsing.push_back(ours.back() / rate(parsed, 0.1));
   }
   auto const [low, high] = std::minmax_element(ratios.begin(), ratios.end());
   std::printf("cached: %.0f times as fast as parsing each time\n", median(parsing));
   std::printf("templates: ratio %.2f (%.2f..%.2f)\n", median(ratios), *low, *high);
   std::printf("templates ratio=%.2f ours=%.0f limit=%.0f unit=texts/s\n", median(ratios), median(ours), median(limit));
   return consumed == 0 ? 1 : 0;
}
