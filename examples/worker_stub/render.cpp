// render.cpp: the plain look-ups that pipeline items may hold, and text that can be stored.
#include <charconv>
#include <string_view>

#include <tao/json/to_string.hpp>

#include "tools.hpp"

namespace stub {

namespace {

std::string_view trimmed(std::string_view text) {
   while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
   while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
   return text;
}

bool is_path(std::string_view text) {
   if (text.empty() || text.front() == '.' || text.back() == '.') return false;
   for (char const c : text)
      if (!(c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
         return false;
   return true;
}

/// `label.data.x` finds `label.x` when the value has no member `data` of its own.
json const* look_up(std::string_view path, json const& variables) {
   json const* at = &variables;
   while (!path.empty() && at) {
      auto const dot = path.find('.');
      std::string const key(path.substr(0, dot));
      path = dot == path.npos ? std::string_view{} : path.substr(dot + 1);
      json const* next = nullptr;
      if (at->is_object()) {
         next = at->find(key);
         if (!next && key == "data") next = at;
      } else if (at->is_array()) {
         std::size_t index = 0;
         auto const [end, failed] = std::from_chars(key.data(), key.data() + key.size(), index);
         if (failed == std::errc{} && end == key.data() + key.size() && index < at->get_array().size())
            next = &at->get_array()[index];
      }
      at = next;
   }
   return at;
}

std::string printed(json const& value) {
   if (value.is_null()) return {};
   return value.is_string_type() ? value.as<std::string>() : tao::json::to_string(value);
}

json rendered(std::string const& text, json const& variables) {
   std::string out;
   std::size_t done = 0;
   while (true) {
      auto const open = text.find("{{", done);
      auto const close = open == text.npos ? text.npos : text.find("}}", open);
      if (close == text.npos) break;
      auto const path = trimmed(std::string_view(text).substr(open + 2, close - open - 2));
      if (!is_path(path)) return text;
      auto const* found = look_up(path, variables);
      if (open == 0 && close + 2 == text.size()) return found ? *found : json(tao::json::null);
      out += text.substr(done, open - done);
      if (found) out += printed(*found);
      done = close + 2;
   }
   return done == 0 ? text : out + text.substr(done);
}

} // namespace

json render(json const& value, json const& variables) {
   if (value.is_string_type()) return rendered(value.as<std::string>(), variables);
   if (value.is_array()) {
      json out = tao::json::empty_array;
      for (auto const& item : value.get_array()) out.get_array().push_back(render(item, variables));
      return out;
   }
   if (value.is_object()) {
      json out = tao::json::empty_object;
      for (auto const& [key, item] : value.get_object()) out[key] = render(item, variables);
      return out;
   }
   return value;
}

std::string storable(std::string const& text) {
   std::string out;
   out.reserve(text.size());
   auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
   auto const follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
   for (std::size_t i = 0; i < text.size();) {
      auto const b = byte(i);
      std::size_t length = 0;
      if (b > 0 && b < 0x80)
         length = 1;
      else if (b >= 0xC2 && b <= 0xDF && follows(i + 1))
         length = 2;
      else if (b >= 0xE0 && b <= 0xEF && follows(i + 1) && follows(i + 2) && !(b == 0xE0 && byte(i + 1) < 0xA0) &&
               !(b == 0xED && byte(i + 1) > 0x9F))
         length = 3;
      else if (b >= 0xF0 && b <= 0xF4 && follows(i + 1) && follows(i + 2) && follows(i + 3) &&
               !(b == 0xF0 && byte(i + 1) < 0x90) && !(b == 0xF4 && byte(i + 1) > 0x8F))
         length = 4;
      if (length == 0) {
         out += "\xEF\xBF\xBD";
         ++i;
      } else {
         out.append(text, i, length);
         i += length;
      }
   }
   return out;
}

} // namespace stub
