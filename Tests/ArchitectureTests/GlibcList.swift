/// The files above `Sources/Bindings` that import the C library. Whoever makes one do without takes it off; none is added.
enum GlibcList {
    static let files: [String: [String]] = [
        "BlockStore": [
            "BlockCache", "BlockCache+Upkeep", "CacheBudget", "CacheBudget+Eviction", "CacheBudget+Tidying",
            "CacheFolder", "CacheKeepers", "CacheUsage", "DecodePool", "DirectoryBlockStore", "MirrorEstimate",
        ],
        "Boot": ["SessionLauncher", "SessionRun"],
        "BootMenu": [
            "BootBackend", "LoginFacts", "MenuLoop",
        ],
        "Catalog": [
            "CatalogLibrary", "CatalogLibrary+Indexes", "CatalogLibrary+Trust", "KnownFiles",
        ],
        "ImageIndex": [
            "ImageIndex", "ImageIndexWriter", "IndexItem", "IndexPages",
        ],
        "ImageMount": [
            "MountedImage", "ServedImage", "StaleMounts",
        ],
        "Publisher": [
            "BlockFileFolder", "BlockLoop", "BlockReading", "BlockStoreFolder", "BlockVerifier", "BlockWorker",
            "BootRecording", "BuildFolder", "ChildProgram", "Downloads", "FolderDestination", "ImageContents",
            "ImageConversion", "ImagePublisher", "ImageSource", "IngestFolder", "KnownImage", "LegacyImport",
            "LegacyPublisher", "MetadataCheck", "MirrorSource", "PreparedImage", "PublishOptions",
            "PublishedTree+Add", "PublishedTree+Prune", "PublishedTree+Verify", "PublisherError+Repository",
            "Reachability", "ReadRun", "RecordingFolder", "RunQueue", "SigningKeys", "StaleFiles", "StoreLock",
            "TreeAccess", "TreeContents", "TreeMirror+Removal", "TreeProblem", "Unpacking", "VerifiedBlocks",
            "WorkFolder",
        ],
        "TUF": [
            "DirectoryMetadataStore", "DirectorySource", "KeyFile", "RepositoryFolder", "TUFClient+State",
        ],
        "oscircular": [
            "Arguments", "BootCommand", "Interruption", "Menu", "MountCommand", "RunSessionCommand", "SSHCommand",
            "ServeMountCommand",
        ],
        "oscircular-publish": [
            "AddCommand", "ErrorReport", "KeyOptions", "MakeSHA1FilesCommand", "MirrorCommand", "ProgressPrinter",
            "RecordingStep", "Signals", "UpdateCommand",
        ],
        "tuf-client": [
            "Program"
        ],
    ]
}
