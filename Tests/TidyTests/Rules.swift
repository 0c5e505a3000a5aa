import Foundation

/// A rule of the house: what it finds in a file, as `path:line: what is wrong`.
struct Rule: Sendable {
    let findings: @Sendable (SourceFile) -> [String]
}

extension Rule {
    static let fileLength = Rule { file in
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        return count > 500 ? ["\(file.path): \(count) lines, more than 500"] : []
    }

    static let lineLength = Rule { file in
        file.lines.enumerated().filter { $0.element.count > 110 }.map { index, line in
            "\(file.path):\(index + 1): \(line.count) columns, more than 110"
        }
    }

    /// Counts from the line of `func` or `init` to the line where its indentation ends with a brace, as
    /// `swift format` sets it.
    static let functionLength = Rule { file in
        var findings: [String] = []
        for (start, line) in file.lines.enumerated() where declaresFunction(line) {
            let indentation = line.prefix { $0 == " " }
            let rest = file.lines[(start + 1)...]
            guard !line.hasSuffix("}"), let end = rest.firstIndex(where: { $0 == indentation + "}" }) else {
                continue
            }
            // A declaration without a body ends before the next brace of its own indentation does.
            let length = end - start + 1
            let bodyless = file.lines[start...end].dropFirst().dropLast().contains {
                $0.prefix(while: { $0 == " " }).count < indentation.count && !$0.isEmpty
            }
            if length > 70, !bodyless {
                findings.append("\(file.path):\(start + 1): \(length) lines, more than 70")
            }
        }
        return findings
    }

    static let folderNames = Rule { file in
        let forbidden: Set<String> = ["Core", "Utils", "Helpers", "Extensions", "Models"]
        return file.folders.filter(forbidden.contains).map { "\(file.path): a folder called \($0)" }
    }

    static let unfinishedWork = Rule { file in
        let words = ["TODO", "FIXME", "XXX", "for now", "not implemented", "placeholder"]
        return file.lines.enumerated().flatMap { index, line in
            words.filter { holds(line, word: $0) }.map { "\(file.path):\(index + 1): \($0)" }
        }
    }

    static let uncheckedSendable = Rule { file in
        let allowed = [
            "Sources/CurlHTTP/", "Sources/JSONWebTokens/", "Sources/LocalCloud/Certificates/",
            "Sources/LocalCloud/TLS/", "Sources/Postgres/",
        ]
        guard file.path.hasPrefix("Sources/"), !allowed.contains(where: file.path.hasPrefix) else {
            return []
        }
        return file.lines.enumerated().filter { $0.element.contains("@unchecked Sendable") }.map { index, _ in
            "\(file.path):\(index + 1): @unchecked Sendable outside of the C wrappers"
        }
    }

    /// Which modules a folder may not, or may only, import.
    static let imports = Rule { file in
        guard file.isSwift else { return [] }
        return file.imports.filter { !mayImport($0.module, in: file.path) }.map { module, line in
            "\(file.path):\(line): imports \(module)"
        }
    }
}

private func declaresFunction(_ line: Substring) -> Bool {
    let words = line.split(separator: " ")
    guard let first = words.first, !first.hasPrefix("//"), !first.hasPrefix("*") else { return false }
    return words.contains("func") || words.contains { $0.hasPrefix("init(") || $0.hasPrefix("init<") }
}

/// Whole words only: `xxx` of a mktemp template, or `Placeholder` in a longer name, are others.
private func holds(_ line: Substring, word: String) -> Bool {
    let isShouted = word == word.uppercased()
    let text = isShouted ? String(line) : line.lowercased()
    return text.ranges(of: word).contains { range in
        let before = range.lowerBound == text.startIndex ? " " : text[text.index(before: range.lowerBound)]
        let after = range.upperBound == text.endIndex ? " " : text[range.upperBound]
        return !before.isLetter && !after.isLetter
    }
}

/// The control plane's layers, the lowest first: each may import those before it.
private let layers = ["Providers", "Organisations", "Fleet", "Billing", "Service", "ControlPlane"]

private func above(_ layer: String) -> [String] {
    Array(layers.drop { $0 != layer }.dropFirst()) + ["FleetSimulator"]
}

/// Only the service knows the HTTP server.
private let server = ["Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "NIOHTTPTypes"]

private func mayImport(_ module: String, in path: String) -> Bool {
    let foundation = ["Foundation", "FoundationEssentials", "Synchronization", "Glibc", "Darwin"]
    let only = [
        "Sources/Workflows/": ["Postgres", "Logging", "ServiceLifecycle"] + foundation,
        "Sources/TenantProtocol/": foundation,
        "Sources/WireText/": foundation,
        "Sources/Digests/": ["CCrypto", "WireText"] + foundation,
        "Sources/JSONWebTokens/": ["CCrypto", "WireText"] + foundation,
        "Sources/Postgres/": ["CPostgres", "Logging", "ServiceLifecycle", "WireText"] + foundation,
        "Sources/AWSSigV4/": ["Digests", "WireText"] + foundation,
        "Sources/AuditChain/": ["Digests", "WireText"] + foundation,
    ]
    // Of a target that the agent links, libcrypto would become a library that an instance must have.
    let cryptography = ["CCrypto", "Digests", "JSONWebTokens"]
    let never = [
        "Sources/TenantAgent/": ["Postgres", "CPostgres", "Workflows", "Foundation"] + cryptography,
        "Sources/TenantSpool/": cryptography,
        "Sources/ControlPlane/Providers/": above("Providers") + ["Postgres", "Workflows"] + server,
        "Sources/ControlPlane/Organisations/": above("Organisations") + ["Workflows"] + server,
        "Sources/ControlPlane/Fleet/": above("Fleet") + server,
        "Sources/ControlPlane/Billing/": above("Billing") + server,
        "Sources/ControlPlane/Service/": above("Service"),
    ]
    if let allowed = only.first(where: { path.hasPrefix($0.key) }) { return allowed.value.contains(module) }
    return !never.contains { path.hasPrefix($0.key) && $0.value.contains(module) }
}
