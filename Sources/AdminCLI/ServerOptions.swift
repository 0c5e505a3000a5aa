import ArgumentParser
import CurlHTTP
import Foundation

/// Where the control plane is. The token comes from the environment alone: an argument shows in `ps`.
struct ServerOptions: ParsableArguments {
    @Option(help: "The control plane's address; CP_URL by default.")
    var url: String?

    @Option(help: "PEM file of certificate authorities to trust; CP_CA_FILE by default.")
    var caFile: String?

    @Flag(help: "Print JSON, one document a line.")
    var json = false

    func connect() throws -> ControlPlaneAPI {
        let environment = ProcessInfo.processInfo.environment
        guard let address = url ?? environment["CP_URL"], !address.isEmpty else {
            throw Failure("Where is the control plane? Set CP_URL (`source .local/env`), or give --url.")
        }
        guard let token = environment["CP_ADMIN_API_TOKEN"], !token.isEmpty else {
            throw Failure(
                "CP_ADMIN_API_TOKEN is not set. `source .local/env` sets it for the local services.")
        }
        var configuration = HTTPClient.Configuration.environment
        if let file = caFile ?? environment["CP_CA_FILE"] {
            guard let pem = try? String(contentsOfFile: file, encoding: .utf8) else {
                throw Failure("The file of certificate authorities, \(file), cannot be read.")
            }
            configuration.extraCA = pem
        }
        return ControlPlaneAPI(
            http: HTTPClient(configuration: configuration),
            url: address.hasSuffix("/") ? String(address.dropLast()) : address, token: token, printsJSON: json
        )
    }
}

/// Ends a command with exit status 1 and this text on standard error.
struct Failure: Error, CustomStringConvertible {
    let description: String
    /// Whether the same again may help in a while.
    let isPassing: Bool

    init(_ description: String, isPassing: Bool = false) {
        self.description = description
        self.isPassing = isPassing
    }
}

/// Writes to standard output at once, also into a pipe.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
