// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let xmlCoder: Target.Dependency = .product(name: "XMLCoder", package: "XMLCoder")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")

func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A layer of the control plane. It may import what lies below it, and nothing else.
func layer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/ControlPlane/\(name)", swiftSettings: strict)
}

func binary(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: ["TestSupport"] + dependencies, swiftSettings: strict)
}

let package = Package(
    name: "control-plane",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "controlplane", targets: ["ControlPlane"]),
        .executable(name: "tenant-agent", targets: ["TenantAgent"]),
        .executable(name: "cpctl", targets: ["AdminCLI"]),
        .executable(name: "localcloud", targets: ["LocalCloud"]),
        .executable(name: "tunnel-connector", targets: ["TunnelConnector"]),
        .executable(name: "workspace-server", targets: ["WorkspaceServer"]),
        .executable(name: "memory-plugin", targets: ["MemoryPlugin"]),
        .executable(name: "fleet-simulator", targets: ["FleetSimulator"]),
        .executable(name: "bench", targets: ["Bench"]),
        .executable(name: "faulty-tenant", targets: ["FaultyTenant"]),
        .executable(name: "spool-process", targets: ["SpoolProcess"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2", traits: []),
        .package(url: "https://github.com/CoreOffice/XMLCoder.git", from: "0.18.2"),
    ],
    targets: [
        systemLibrary("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        systemLibrary("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
        systemLibrary("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
        systemLibrary("CSSL", pkgConfig: "libssl", apt: "libssl-dev"),
        systemLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        .systemLibrary(name: "CNamespaces"),

        library("Arithmetic"),
        library("WireText"),
        library("Digests", ["CCrypto", "WireText"]),
        library("JSONWebTokens", ["CCrypto", "WireText"]),
        library("AuditChain", ["Digests", "WireText"]),
        library("AWSSigV4", ["Digests", "WireText"]),
        library("CurlHTTP", ["CCurl"]),
        library("Postgres", ["CPostgres", "WireText", logging, lifecycle]),
        library("Workflows", ["Arithmetic", "Postgres", logging, lifecycle]),
        library("TenantProtocol"),
        library("PushSignature", ["Digests"]),
        library("DurableFiles"),
        library(
            "TenantSpool",
            ["Arithmetic", "CZlib", "CurlHTTP", "DurableFiles", "TenantProtocol", "WireText"]),
        library("TunnelLink", nio),

        library("AdminProtocol"),

        layer(
            "Providers",
            [
                "AdminProtocol", "Arithmetic", "AWSSigV4", "CurlHTTP", "Digests", "JSONWebTokens",
                "TenantProtocol",
                "WireText",
                xmlCoder,
            ]),
        layer(
            "Organisations",
            [
                "AdminProtocol", "Arithmetic", "AuditChain", "CCrypto", "Digests", "Postgres", "Providers",
                "WireText",
                logging,
                lifecycle,
            ]),
        layer(
            "Fleet",
            [
                "AdminProtocol", "Arithmetic", "AuditChain", "CCrypto", "CurlHTTP", "Digests",
                "Organisations", "Postgres",
                "Providers", "PushSignature", "TenantProtocol", "WireText", "Workflows", logging, lifecycle,
            ]),
        layer(
            "Billing",
            [
                "AdminProtocol", "Arithmetic", "AuditChain", "CZlib", "Digests", "Fleet", "Organisations",
                "Postgres",
                "Providers", "TenantProtocol", "WireText", "Workflows", logging, lifecycle,
            ]),
        layer(
            "Service",
            [
                "AdminProtocol", "Arithmetic", "AuditChain", "AWSSigV4", "Billing", "CurlHTTP", "Digests",
                "Fleet",
                "Organisations", "Postgres", "Providers", "TenantProtocol", "WireText", "Workflows",
                argumentParser, hummingbird, lifecycle, logging,
            ]),
        .executableTarget(
            name: "ControlPlane", dependencies: ["Service"], path: "Sources/ControlPlane/Main",
            swiftSettings: strict),
        binary(
            "FleetSimulator",
            [
                "AdminProtocol", "Arithmetic", "AWSSigV4", "Billing", "CurlHTTP", "Digests", "Fleet",
                "Organisations",
                "Postgres", "Providers", "Service", "TenantProtocol", "WireText", "Workflows", argumentParser,
                logging, lifecycle,
            ]),
        binary(
            "TenantAgent",
            [
                "Arithmetic", "CNamespaces", "CurlHTTP", "DurableFiles", "TenantProtocol", "TenantSpool",
                "WireText",
            ]),
        binary(
            "AdminCLI",
            ["Arithmetic", "AuditChain", "AWSSigV4", "CurlHTTP", "TenantProtocol", argumentParser]),
        binary(
            "LocalCloud",
            [
                "Arithmetic", "AWSSigV4", "CCrypto", "CSSL", "CurlHTTP", "Digests", "JSONWebTokens",
                "PushSignature",
                "TenantProtocol", "TunnelLink", "WireText", hummingbird, argumentParser, logging, lifecycle,
                subprocess,
            ] + nio),
        binary("TunnelConnector", ["DurableFiles", "TunnelLink", "WireText"] + nio),
        binary(
            "WorkspaceServer",
            [
                "Arithmetic", "CurlHTTP", "Postgres", "DurableFiles", "PushSignature", "TenantProtocol",
                "TenantSpool",
                hummingbird, logging, lifecycle, nioWebSocket,
            ] + nio),
        binary("MemoryPlugin", ["DurableFiles", "Postgres", hummingbird, logging, lifecycle]),
        binary("Bench", ["AWSSigV4", "CurlHTTP", "Postgres", "Workflows", argumentParser, logging]),

        .target(
            name: "TestSupport", dependencies: ["CurlHTTP", "Digests", "Postgres", logging, subprocess],
            path: "Tests/TestSupport", swiftSettings: strict),
        .executableTarget(
            name: "FaultyTenant", dependencies: [hummingbird, logging], path: "Tests/FaultyTenant",
            swiftSettings: strict),
        .executableTarget(
            name: "SpoolProcess", dependencies: ["CurlHTTP", "TenantProtocol", "TenantSpool"],
            path: "Tests/SpoolProcess", swiftSettings: strict),
        tests("ArithmeticTests", ["Arithmetic"]),
        tests("WireTextTests", ["WireText"]),
        tests("DigestsTests", ["Digests", "WireText"]),
        tests("JSONWebTokensTests", ["CCrypto", "JSONWebTokens", "WireText"]),
        tests("AWSSigV4Tests", ["AWSSigV4", "WireText"]),
        tests("AdminCLITests", ["AdminCLI", "AuditChain", "AWSSigV4", "CurlHTTP"]),
        tests("CurlHTTPTests", ["CurlHTTP"]),
        tests("PostgresTests", ["Postgres"]),
        tests("WorkflowsTests", ["Workflows"]),
        tests(
            "ControlPlaneTests",
            [
                "AdminProtocol", "Arithmetic", "AuditChain", "Billing", "CCrypto", "CZlib", "ControlPlane",
                "Digests",
                "Fleet",
                "FleetSimulator", "JSONWebTokens", "Organisations", "Providers", "PushSignature", "Service",
                "TenantProtocol", "TenantSpool", "WireText",
            ]),
        tests("TenantAgentTests", ["TenantAgent", "DurableFiles", "TenantProtocol", "TenantSpool"]),
        tests("TenantStackTests", ["WorkspaceServer", "MemoryPlugin", "CurlHTTP", "PushSignature"]),
        tests("LocalCloudTests", ["LocalCloud", "AWSSigV4", "TunnelLink"] + nio),
        tests("JourneyTests", ["TenantProtocol", "AWSSigV4", "CurlHTTP"]),
        tests("ResilienceTests", ["AWSSigV4", "CurlHTTP", "Postgres", hummingbird, logging]),
        tests("TidyTests", []),
    ]
)

// scripts/build names the programs that it needs: the demo waits neither for the benchmark nor for what only
// tests run. The commands of what is left stay the same, so that nothing is compiled twice.
let wanted = (Context.environment["BUILD_ONLY"] ?? "").split(separator: ",").map(String.init)
if !wanted.isEmpty {
    package.products.removeAll { !wanted.contains($0.name) }
    let kept = package.products.compactMap { $0 as? Product.Executable }.flatMap(\.targets)
    package.targets.removeAll { target in
        guard !kept.contains(target.name) else { return false }
        return [.executable, .test].contains(target.type) || target.path?.hasPrefix("Tests/") == true
    }
}
