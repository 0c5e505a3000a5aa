import CCurl

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension HTTPClient {
    /// What holds for every request of a client.
    package struct Configuration: Sendable {
        /// PEM file of the certificate authorities to trust; nil for the system's.
        package var caFile: String?
        /// PEM text of certificate authorities to trust beside those of `caFile` or the system.
        package var extraCA: String?
        /// Whether http_proxy, https_proxy, ALL_PROXY and NO_PROXY apply, as libcurl reads them.
        package var usesProxyFromEnvironment = true
        package var userAgent = "molecule-control-plane/1"
        /// More requests than this wait for a connection, inside their own timeout.
        package var maximumConnections = 256
        /// Names and values of a request's headers together, in bytes; also of an answer's.
        package var maximumHeaderBytes = 64 << 10
        /// Longest body that a request may carry, in bytes.
        package var maximumRequestBytes = 16 << 20

        package init() {}

        /// Certificate authorities from CURL_CA_BUNDLE or SSL_CERT_FILE (in this order), proxy from the
        /// environment.
        package static var environment: Configuration { Configuration(environment: variable) }

        /// - Parameter environment: gives a variable's value; nil where it is unset or empty.
        package init(environment: (String) -> String?) {
            caFile = environment("CURL_CA_BUNDLE") ?? environment("SSL_CERT_FILE")
        }
    }
}

private func variable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}

/// What of the configuration is worked out once for a client, ready for libcurl.
final class Defaults: @unchecked Sendable {
    let configuration: HTTPClient.Configuration
    /// PEM that replaces libcurl's own CA file; nil to leave that alone. libcurl takes either a file or
    /// bytes, so an extra authority means handing over the file's content together with it. Not copied for
    /// each request: it lives as long as this.
    let authorities: UnsafeRawBufferPointer?

    init(_ configuration: HTTPClient.Configuration) {
        self.configuration = configuration
        guard let extra = configuration.extraCA, !extra.isEmpty else {
            authorities = nil
            return
        }
        let file = configuration.caFile ?? systemAuthorities()
        let pem = (file.map(contents) ?? []) + Array("\n".utf8) + Array(extra.utf8)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: pem.count, alignment: 1)
        copy.copyBytes(from: pem)
        authorities = UnsafeRawBufferPointer(copy)
    }

    deinit { authorities?.deallocate() }
}

private func systemAuthorities() -> String? {
    ccurl_system_ca_file().map { String(cString: $0) }
}

/// A file that cannot be read counts as empty: certificates that it would have vouched for are refused.
private func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes
}
