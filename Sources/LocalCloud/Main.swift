import ArgumentParser

@main
struct LocalCloudCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "localcloud",
        abstract: "A cloud on one machine: EC2, SSM, KMS, instance metadata, Cloudflare and its edge.",
        subcommands: [ServeCommand.self])
}
