// http/message.hpp: a request and a response as values.
// Knows the standard library only: no sockets, no Beast, no JSON.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace noetl::http {

/// Request methods that routes can name; `other` stands for every method that no route can have.
enum class verb : std::uint8_t { get, head, post, put, del, patch, options, other };

inline constexpr verb all_verbs[] = {verb::get, verb::head,  verb::post,   verb::put,
                                     verb::del, verb::patch, verb::options};

/// The method as it stands in a request line; "OTHER" for verb::other.
constexpr std::string_view to_text(verb v) noexcept {
   switch (v) {
   case verb::get: return "GET";
   case verb::head: return "HEAD";
   case verb::post: return "POST";
   case verb::put: return "PUT";
   case verb::del: return "DELETE";
   case verb::patch: return "PATCH";
   case verb::options: return "OPTIONS";
   case verb::other: break;
   }
   return "OTHER";
}

/// Reads a method, case-sensitively (RFC 9110 section 9.1).
constexpr verb to_verb(std::string_view text) noexcept {
   for (verb v : all_verbs)
      if (to_text(v) == text) return v;
   return verb::other;
}

/// A set of verbs.
class verb_set {
public:
   constexpr verb_set() = default;
   constexpr verb_set(std::initializer_list<verb> verbs) {
      for (verb v : verbs) insert(v);
   }
   constexpr void insert(verb v) noexcept { bits_ = static_cast<std::uint16_t>(bits_ | bit(v)); }
   [[nodiscard]] constexpr bool contains(verb v) const noexcept { return (bits_ & bit(v)) != 0; }
   [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
   friend constexpr bool operator==(verb_set, verb_set) = default;

private:
   static constexpr std::uint16_t bit(verb v) noexcept {
      return static_cast<std::uint16_t>(1U << static_cast<unsigned>(v));
   }
   std::uint16_t bits_ = 0;
};

/// `static_assert(api.find(verb::put, "/x").allowed == only(verb::get));`
template <class... Verb>
constexpr verb_set only(Verb... verbs) noexcept {
   return {verbs...};
}

/// Text of an `Allow` header: HEAD comes with GET. Example: "GET,HEAD,POST".
inline std::string allow_text(verb_set allowed) {
   std::string text;
   if (allowed.contains(verb::get)) allowed.insert(verb::head);
   for (verb v : all_verbs) {
      if (!allowed.contains(v)) continue;
      if (!text.empty()) text += ',';
      text += to_text(v);
   }
   return text;
}

/// Compares ASCII letters without regard to case, as header names are compared.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
   if (a.size() != b.size()) return false;
   auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
   for (std::size_t i = 0; i < a.size(); ++i)
      if (lower(a[i]) != lower(b[i])) return false;
   return true;
}

struct header {
   std::string name;
   std::string value;
};

/// The header fields of a message in one piece of memory, in the order received. Clearing keeps the memory, so a
/// connection that is used again does not allocate again. Not thread-safe.
class header_fields {
public:
   struct view {
      std::string_view name;
      std::string_view value;
   };

   void clear() noexcept {
      text_.clear();
      places_.clear();
   }
   void add(std::string_view name, std::string_view value) {
      places_.push_back({text_.size(), name.size(), value.size()});
      text_.append(name).append(value);
   }
   [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
   /// \pre i < size()  \return views that live until the next change of this object
   [[nodiscard]] view operator[](std::size_t i) const noexcept {
      auto const& at = places_[i];
      std::string_view const all = text_;
      return {all.substr(at.start, at.name), all.substr(at.start + at.name, at.value)};
   }
   /// Value of the first field of that name, letters compared without regard to case; empty when there is none.
   [[nodiscard]] std::string_view find(std::string_view name) const noexcept {
      for (std::size_t i = 0; i < places_.size(); ++i)
         if (places_[i].name == name.size() && equal_ignoring_case((*this)[i].name, name)) return (*this)[i].value;
      return {};
   }
   [[nodiscard]] bool contains(std::string_view name) const noexcept {
      for (std::size_t i = 0; i < places_.size(); ++i)
         if (equal_ignoring_case((*this)[i].name, name)) return true;
      return false;
   }

private:
   struct place {
      std::size_t start, name, value;
   };
   std::string text_;
   std::vector<place> places_;
};

/// One request. Handlers that want it take `request const&`; it lives until their answer is complete.
struct request {
   verb method = verb::get;
   std::string path;  ///< as received, still percent-encoded, without the query
   std::string query; ///< what stands after '?', still encoded
   header_fields headers;
   std::string body;
   std::string request_id; ///< the caller's X-Request-Id when it is sane, else one of ours
   std::string peer;       ///< address and port of the caller
   bool peer_is_loopback = false;
   /// When its header was complete or found to be wrong; when it began, if the rest came too slowly.
   std::chrono::steady_clock::time_point received{};

   /// Value of the first header field of that name; empty when there is none.
   [[nodiscard]] std::string_view header(std::string_view name) const noexcept { return headers.find(name); }
};

/// One response. `content-length`, `date`, the CORS fields and the request id are added on the way out.
struct response {
   unsigned status = 200;
   std::string body{};
   std::string content_type{}; ///< empty means application/json when there is a body
   std::vector<header> headers{};
};

inline constexpr std::string_view json_type = "application/json";

/// A plain-text response.
inline response text_response(std::string body, unsigned status = 200,
                              std::string content_type = "text/plain; charset=utf-8") {
   return {status, std::move(body), std::move(content_type), {}};
}

/// What a handler returns when its status is not 200: `reply<T>{201, value}`. T as in `result<T>`.
template <class T>
struct reply {
   unsigned status = 200;
   T body{};
   std::vector<header> headers{};
};

template <class T>
inline constexpr bool is_reply = false;
template <class T>
inline constexpr bool is_reply<reply<T>> = true;

} // namespace noetl::http
