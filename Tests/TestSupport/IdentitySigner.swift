import Foundation

/// Signs instance identity documents with the openssl command, as an authority independent of our own code.
package struct IdentitySigner: Sendable {
    let folder: URL
    package var certificatePath: String { folder.appendingPathComponent("cert.pem").path }

    package static let shared = Result { try IdentitySigner() }

    package init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "identity-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
            "-days", "2",
            "-subj", "/CN=identity",
        ])
    }

    package func certificate() throws -> String {
        try String(contentsOfFile: certificatePath, encoding: .utf8)
    }

    package static func document(instanceID: String, region: String = "eu-central-1") -> String {
        """
        {"accountId":"123456789012","imageId":"ami-0123456789abcdef0","instanceId":"\(instanceID)",\
        "region":"\(region)"}
        """
    }

    /// base64 of the PKCS #7 message, without the BEGIN and END lines, as the metadata service serves it.
    package func sign(_ document: String) throws -> String {
        let name = UUID().uuidString
        let file = folder.appendingPathComponent(name)
        try Data(document.utf8).write(to: file)
        try openssl([
            "smime", "-sign", "-in", name, "-signer", "cert.pem", "-inkey", "key.pem", "-nodetach", "-binary",
            "-outform", "PEM", "-out", "\(name).pem",
        ])
        let pem = try String(contentsOf: folder.appendingPathComponent("\(name).pem"), encoding: .utf8)
        return pem.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined(separator: "\n")
    }

    struct OpenSSLFailed: Error { var arguments: [String] }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw OpenSSLFailed(arguments: arguments) }
    }
}
