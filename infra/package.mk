.PHONY: package microvm-image rehearse

package: $(VENV)/.dev ## make what CloudFormation deploys: build/package
	@$(BIN)/python scripts/package.py
	@$(BIN)/cfn-lint build/package/sam.json

microvm-image: $(VENV)/.dev ## make the sandboxes' MicroVM image (BUCKET= ROLE= NAME= MEMORY= have Lambda build it)
	@$(BIN)/python scripts/microvm_image.py $(if $(BUCKET),--bucket $(BUCKET)) $(if $(ROLE),--role $(ROLE)) \
		$(if $(NAME),--name $(NAME)) $(if $(MEMORY),--memory $(MEMORY))

rehearse: $(VENV)/.dev ## deploy build/package to an AWS emulator on this machine, and run the tests that need one
	@$(BIN)/pytest -m rehearsal tests/e2e
