import CCurl

/// Writes one request into a libcurl handle.
struct RequestOptions {
    private let request: HTTPRequest
    private let defaults: Defaults
    private let isStream: Bool

    init(_ request: HTTPRequest, _ defaults: Defaults, isStream: Bool) {
        self.request = request
        self.defaults = defaults
        self.isStream = isStream
    }

    /// - Returns: the header list, to be freed after the transfer.
    func apply(to handle: UnsafeMutableRawPointer) throws(HTTPError) -> UnsafeMutablePointer<curl_slist>? {
        _ = ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        guard ccurl_set_string(handle, CURLOPT_URL, request.url) == CURLE_OK,
            ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK,
            ccurl_set_string(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK
        else { throw .invalidRequest("libcurl refused the URL, or is older than 7.85") }
        setTransport(handle)
        setTLS(handle)
        setMethod(handle)
        let headers = headerList()
        _ = ccurl_set_headers(handle, headers)
        return headers
    }

    private func setTransport(_ handle: UnsafeMutableRawPointer) {
        // A stream's clock stops at its head, so the client keeps it; libcurl knows only whole transfers.
        if !isStream { _ = ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, milliseconds(request.timeout)) }
        _ = ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connectTimeout))
        _ = ccurl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
        // A name look-up that hangs must not hold up the end of its request.
        _ = ccurl_set_long(handle, CURLOPT_QUICK_EXIT, 1)
        _ = ccurl_set_long(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        // Dot segments are the server's to judge, and a signature covers the path as it is written.
        _ = ccurl_set_long(handle, CURLOPT_PATH_AS_IS, 1)
        _ = ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, request.followsRedirects ? 1 : 0)
        _ = ccurl_set_long(handle, CURLOPT_MAXREDIRS, 5)
        if !defaults.configuration.usesProxyFromEnvironment {
            _ = ccurl_set_string(handle, CURLOPT_PROXY, "")
        }
        if let path = request.unixSocketPath {
            _ = ccurl_set_string(handle, CURLOPT_UNIX_SOCKET_PATH, path)
        }
    }

    private func setTLS(_ handle: UnsafeMutableRawPointer) {
        _ = ccurl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        _ = ccurl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1)
        _ = ccurl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2)
        if let bytes = defaults.authorities {
            _ = ccurl_set_blob(handle, CURLOPT_CAINFO_BLOB, bytes.baseAddress, bytes.count)
        } else if let file = defaults.configuration.caFile {
            _ = ccurl_set_string(handle, CURLOPT_CAINFO, file)
        }
    }

    /// GET, HEAD and POST are libcurl's own, so that a followed redirect changes the method as browsers do.
    private func setMethod(_ handle: UnsafeMutableRawPointer) {
        if !request.body.isEmpty || request.method == "POST" {
            _ = ccurl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            // A body comes from the transfer's read function.
            if request.body.isEmpty { _ = ccurl_set_string(handle, CURLOPT_COPYPOSTFIELDS, "") }
            _ = ccurl_set_long(handle, CURLOPT_POST, 1)
        }
        switch request.method {
        case "HEAD": _ = ccurl_set_long(handle, CURLOPT_NOBODY, 1)
        case "POST": break
        case "GET" where request.body.isEmpty: break
        default: _ = ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method)
        }
    }

    /// In libcurl's language `Name: value` sends, `Name;` sends an empty value, `Name:` suppresses.
    private func headerList() -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for field in request.headers {
            let isEmpty = field.value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 }
            list = curl_slist_append(list, isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        // No guess at the content type, and no waiting for "100 Continue".
        for name in ["Content-Type", "Expect"] where !hasHeader(name) {
            list = curl_slist_append(list, "\(name):")
        }
        if !hasHeader("User-Agent") {
            list = curl_slist_append(list, "User-Agent: \(defaults.configuration.userAgent)")
        }
        return list
    }

    private func hasHeader(_ name: String) -> Bool {
        request.headers.contains { sameASCII($0.name, name) }
    }
}

/// At least 1: zero means "no limit" to libcurl.
private func milliseconds(_ duration: Duration) -> Int {
    let (seconds, attoseconds) = duration.components
    let whole = min(max(0, seconds), 10_000_000) * 1_000
    return max(1, Int(whole) + Int(attoseconds / 1_000_000_000_000_000))
}
