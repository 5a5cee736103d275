#pragma once
// The type checks are macros around the calls below; they add nothing to functions that have types.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/// Loads libcurl, once. Nothing else of libcurl may be called before this gave NULL.
/// - Returns: NULL, or what the dynamic loader says; it stays valid.
const char *osc_curl_load(void);

// An enumeration's case in older headers, a macro in newer ones.
static const long osc_curl_netrc_optional = CURL_NETRC_OPTIONAL;

// Swift does not import variadic functions, and libcurl has no other way to set or get anything.
CURLcode osc_curl_set_long(CURL *easy, CURLoption option, long value);
CURLcode osc_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value);
CURLcode osc_curl_set_text(CURL *easy, CURLoption option, const char *value);
CURLcode osc_curl_set_pointer(CURL *easy, CURLoption option, void *value);
CURLcode osc_curl_set_write(CURL *easy, curl_write_callback function);
CURLcode osc_curl_set_open_socket(CURL *easy, curl_opensocket_callback function);
CURLcode osc_curl_set_prereq(CURL *easy, curl_prereq_callback function);
CURLcode osc_curl_get_long(CURL *easy, CURLINFO info, long *value);
CURLcode osc_curl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value);
CURLcode osc_curl_get_text(CURL *easy, CURLINFO info, char **value);
CURLMcode osc_curl_multi_set_long(CURLM *multi, CURLMoption option, long value);

// The URL is constant in newer headers.
CURLUcode osc_curl_url_get(CURLU *url, CURLUPart part, char **text);

// The result lies in a union, which Swift reads as one member only by luck.
static inline CURLcode osc_curl_message_result(const CURLMsg *message) { return message->data.result; }
